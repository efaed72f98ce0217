using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Shim;

/// <summary>
/// What the hypervisor itself says (its stderr, and its stdout where the console is not there), capped: the newest
/// 256 KiB to 512 KiB of a boot are kept, in two files.
/// </summary>
internal sealed class HypervisorLog
{
    private const int FileSize = 256 << 10;

    // rw-------
    private const int OwnerOnly = 0x180;

    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(1);

    private readonly int _read;
    private readonly Thread _thread;
    private readonly byte[] _buffer = new byte[4 << 10];
    private int _file;
    private long _size;

    /// <summary>Begins the file of this boot anew; the last boot's end is in the machine's exit record.</summary>
    /// <exception cref="PosixException">The file or the pipe cannot be made.</exception>
    internal HypervisorLog()
    {
        File.Delete(RecordFile.OlderHypervisorLog);
        _file = Open(RecordFile.HypervisorLog);
        (_read, Write) = Descriptor.Pipe();
        _thread = new Thread(Run, maxStackSize: 128 << 10) { Name = "hypervisor.log", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The end for the hypervisor.</summary>
    internal int Write { get; }

    /// <summary>Waits until all that was written is in the file, or a left-over process keeps the pipe open too long.</summary>
    internal void DrainToEnd() => _thread.Join(DrainLimit);

    private void Run()
    {
        int count;
        while ((count = Descriptor.Read(_read, _buffer)) > 0)
        {
            // An error here must not stop the reading: a full pipe would stop the hypervisor.
            _ = Descriptor.Write(_file, _buffer.AsSpan(0, count));
            _size += count;
            if (_size >= FileSize)
                BeginAnew();
        }
    }

    private void BeginAnew()
    {
        try
        {
            File.Move(RecordFile.HypervisorLog, RecordFile.OlderHypervisorLog, overwrite: true);
            Descriptor.Close(_file);
            _file = Open(RecordFile.HypervisorLog);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Writing goes on in the old file; the next attempt comes after as many bytes again.
        }

        _size = 0;
    }

    private static int Open(string path) =>
        Descriptor.Open(
            path,
            Descriptor.WriteOnly | Descriptor.Create | Descriptor.Truncate | Descriptor.NoFollow,
            OwnerOnly);
}
