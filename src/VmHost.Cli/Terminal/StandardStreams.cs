using System.Runtime.InteropServices;
using VmHost.Posix;

namespace VmHost.Cli.Terminal;

/// <summary>Nobody reads the standard output any more, as in <c>vmctl logs x | head -1</c>. No failure.</summary>
internal sealed class OutputClosedException() : IOException("the standard output is closed");

/// <summary>
/// stdin, stdout and stderr as bytes. Neither stream of .NET will do: the console's puts a terminal into application mode
/// before the first byte and keeps silent about a closed pipe, so that following would never end; a FileStream writes
/// by position, so that the second of two programs writing to one file would overwrite what the first wrote.
/// </summary>
internal static class StandardStreams
{
    private const int Input = 0;
    private const int Output = 1;
    private const int Error = 2;

    internal static bool IsInputTerminal => TerminalDevice.IsTerminal(Input);

    internal static bool IsOutputTerminal => TerminalDevice.IsTerminal(Output);

    internal static bool IsErrorTerminal => TerminalDevice.IsTerminal(Error);

    /// <summary>From stdin, at least one byte; 0 at its end, and when it cannot be read (the terminal is gone).</summary>
    internal static int Read(Span<byte> buffer)
    {
        while (true)
        {
            var count = Descriptor.Read(Input, buffer);
            if (count >= 0)
                return count;

            if (Descriptor.LastError != Errno.WouldBlock)
                return 0;

            WaitUntil(PollEvents.Readable, Input);
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
            var written = Descriptor.Write(descriptor, data);
            if (written >= 0)
                data = data[written..];
            else
                Recover(descriptor, Descriptor.LastError);
        }
    }

    private static void Recover(int descriptor, int error)
    {
        if (error == Errno.BrokenPipe)
            throw new OutputClosedException();

        if (error != Errno.WouldBlock)
            throw new IOException($"cannot write the standard output: {Marshal.GetPInvokeErrorMessage(error)}");

        // Whoever started us left it non-blocking.
        WaitUntil(PollEvents.Writable, descriptor);
    }

    private static void WaitUntil(PollEvents wanted, int descriptor)
    {
        const int NoLimit = -1;
        _ = Poll.Wait([new() { Descriptor = descriptor, Wanted = wanted }], NoLimit);
    }
}
