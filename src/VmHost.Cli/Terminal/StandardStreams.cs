using System.Runtime.InteropServices;

namespace VmHost.Cli.Terminal;

/// <summary>Nobody reads the standard output any more, as in <c>vmctl logs x | head -1</c>. No failure.</summary>
internal sealed class OutputClosedException() : IOException("the standard output is closed");

/// <summary>
/// stdin, stdout and stderr as bytes. Neither stream of .NET will do: the console's puts a terminal into application mode
/// before the first byte and keeps silent about a closed pipe, so that following would never end; a FileStream writes
/// by position, so that the second of two programs writing to one file would overwrite what the first wrote.
/// </summary>
internal static partial class StandardStreams
{
    private const int Input = 0;
    private const int Output = 1;
    private const int Error = 2;
    private const int Interrupted = 4;
    private const int BrokenPipe = 32;
    private const short Readable = 1;
    private const short Writable = 4;

    private static readonly int WouldBlock = OperatingSystem.IsMacOS() ? 35 : 11;

    internal static bool IsInputTerminal => IsTerminal(Input) == 1;

    internal static bool IsOutputTerminal => IsTerminal(Output) == 1;

    internal static bool IsErrorTerminal => IsTerminal(Error) == 1;

    /// <summary>From stdin, at least one byte; 0 at its end, and when it cannot be read (the terminal is gone).</summary>
    internal static int Read(Span<byte> buffer)
    {
        while (true)
        {
            var count = (int)ReadSome(Input, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
            if (count >= 0)
                return count;

            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    break;
                case var error when error == WouldBlock:
                    var poll = new PollDescriptor { Descriptor = Input, Asked = Readable };
                    _ = Poll(ref poll, 1, -1);
                    break;
                default:
                    return 0;
            }
        }
    }

    /// <summary>To stdout.</summary>
    /// <exception cref="OutputClosedException">Nobody reads it any more.</exception>
    /// <exception cref="IOException">It cannot be written, for example because the disk is full.</exception>
    internal static void Write(ReadOnlySpan<byte> data) => Write(Output, data);

    /// <summary>To stdout. Where that cannot be written, somebody else finds out.</summary>
    internal static void TryWrite(ReadOnlySpan<byte> data) => TryWrite(Output, data);

    /// <summary>To stderr. Where that cannot be written there is nobody left to tell.</summary>
    internal static void TryWriteError(ReadOnlySpan<byte> data) => TryWrite(Error, data);

    private static void TryWrite(int descriptor, ReadOnlySpan<byte> data)
    {
        try
        {
            Write(descriptor, data);
        }
        catch (IOException)
        {
            // Said above.
        }
    }

    private static void Write(int descriptor, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var written = WriteSome(descriptor, ref MemoryMarshal.GetReference(data), (nuint)data.Length);
            if (written >= 0)
                data = data[(int)written..];
            else
                Recover(descriptor, Marshal.GetLastPInvokeError());
        }
    }

    private static void Recover(int descriptor, int error)
    {
        if (error == BrokenPipe)
            throw new OutputClosedException();

        if (error == WouldBlock)
        {
            // Whoever started us left it non-blocking.
            var poll = new PollDescriptor { Descriptor = descriptor, Asked = Writable };
            _ = Poll(ref poll, 1, -1);
        }
        else if (error != Interrupted)
        {
            throw new IOException($"cannot write the standard output: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadSome(int descriptor, ref byte data, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteSome(int descriptor, ref byte data, nuint count);

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsTerminal(int descriptor);

    // nfds_t is 64 bits on Linux and 32 on macOS; small numbers pass in a register either way.
    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int timeout);

    private struct PollDescriptor
    {
        public int Descriptor;
        public short Asked;
        public short Returned;
    }
}
