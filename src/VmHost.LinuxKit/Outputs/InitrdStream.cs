namespace VmHost.LinuxKit.Outputs;

/// <summary>The archive of an initrd on its way through the packer.</summary>
internal sealed class InitrdStream : IDisposable
{
    private const int ZstdLevel = 3;

    private readonly Stream _packer;
    private readonly ParallelGzipStream? _gzip;

    internal InitrdStream(Stream output, Compression compression, int threads)
    {
        _gzip = compression == Compression.Gzip ? new(output, threads) : null;
        _packer = compression switch
        {
            Compression.Gzip => _gzip!,
            Compression.Zstd => new ZstdSharp.CompressionStream(output, ZstdLevel, leaveOpen: true),
            _ => output,
        };
        Archive = new(_packer);
    }

    internal CpioWriter Archive { get; }

    internal void Finish()
    {
        Archive.Finish();
        _gzip?.Finish();
        if (_packer is ZstdSharp.CompressionStream zstd)
            zstd.Dispose();
    }

    public void Dispose() => _gzip?.Dispose();
}
