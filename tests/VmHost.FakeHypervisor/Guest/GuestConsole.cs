using System.Runtime.InteropServices;

namespace VmHost.FakeHypervisor.Guest;

/// <summary>
/// The serial port, with an oracle. Blocking (QEMU): each chunk is appended to the oracle's file before it is written
/// to the terminal, so after a kill -9 the oracle may be ahead by at most one chunk, and is never behind. Non-blocking
/// (xhyve, HyperKit): one byte a call, dropped when the terminal is full; the oracle gets what was accepted.
/// </summary>
/// <param name="output">The descriptor that is written.</param>
/// <param name="oraclePath">Appended to.</param>
/// <param name="machine">While it is paused, nothing is written.</param>
internal sealed class GuestConsole(int output, string oraclePath, FakeMachine machine) : IDisposable
{

    // Unbuffered, and any number of boots append to one file.
    private readonly FileStream _oracle = new(
        oraclePath, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    internal int ChunkSize { get; set; } = 4096;

    internal bool DropsWhenFull { get; private set; }

    internal void DropWhenFull()
    {
        Native.SetNonBlocking(output);
        DropsWhenFull = true;
    }

    internal void Write(ReadOnlySpan<byte> data)
    {
        if (DropsWhenFull)
        {
            foreach (ref readonly var value in data)
            {
                machine.WaitWhilePaused();
                lock (machine.Writing)
                {
                    if (Native.Write(output, new ReadOnlySpan<byte>(in value)) == 1)
                        _oracle.WriteByte(value);
                }
            }

            return;
        }

        while (!data.IsEmpty)
        {
            var chunk = data[..Math.Min(ChunkSize, data.Length)];
            machine.WaitWhilePaused();
            lock (machine.Writing)
            {
                _oracle.Write(chunk);
                WriteAll(chunk);
            }

            data = data[chunk.Length..];
        }
    }

    /// <summary>Bytes read; 0 at the end or when the terminal hung up.</summary>
    internal static int Read(Span<byte> buffer)
    {
        while (true)
        {
            var count = Native.Read(0, buffer);
            if (count >= 0)
                return count;
            if (Marshal.GetLastPInvokeError() != Native.Interrupted)
                return 0;
        }
    }

    public void Dispose() => _oracle.Dispose();

    private void WriteAll(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var count = Native.Write(output, data);
            if (count > 0)
                data = data[count..];
            else if (Marshal.GetLastPInvokeError() != Native.Interrupted)
                FakeMachine.Wait(Timeout.InfiniteTimeSpan);   // hung up: the SIGHUP that ends this process is on its way
        }
    }
}
