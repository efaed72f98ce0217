using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

/// <summary>Where logs go: stdout, or a new file.</summary>
internal sealed class LogSink : IDisposable
{
    private readonly FileStream? _file;

    // One piece at a time: several machines write.
    private readonly Lock _lock = new();

    /// <exception cref="IOException">The file cannot be made, for example because it is there already.</exception>
    internal LogSink(string? path) => _file = path is null ? null : new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);

    /// <summary>A person sees it as it comes.</summary>
    internal bool IsTerminal => _file is null && Output.IsTerminal;

    /// <exception cref="IOException">It cannot be written.</exception>
    internal void Write(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if (_file is null)
                StandardStreams.Write(data);
            else
                _file.Write(data);
        }
    }

    public void Dispose() => _file?.Dispose();
}
