using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

/// <summary>Where logs go: stdout, or a file, which is made when the daemon has agreed: a mistake leaves none.</summary>
internal sealed class LogSink : IDisposable
{
    private const string Label = "--output-file";

    private readonly string? _path;

    // One piece at a time: several machines write. Guards _file.
    private readonly Lock _lock = new();
    private FileStream? _file;

    /// <param name="path">The file; null for stdout.</param>
    /// <exception cref="CliException">The file is there already.</exception>
    internal LogSink(string? path)
    {
        _path = path;
        if (Path.Exists(path))
            throw NewFile.IsThere(Label, path);
    }

    /// <summary>A person sees it as it comes.</summary>
    internal bool IsTerminal => _path is null && Output.IsTerminal;

    /// <summary>Makes the file; more than once is once.</summary>
    /// <exception cref="CliException">It cannot be made.</exception>
    internal void Open()
    {
        lock (_lock)
            OpenLocked();
    }

    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="CliException">The file cannot be made.</exception>
    internal void Write(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if (_path is null)
                StandardStreams.Write(data);
            else
                OpenLocked()!.Write(data);
        }
    }

    public void Dispose() => _file?.Dispose();

    private FileStream? OpenLocked() => _path is null ? null : _file ??= NewFile.Create(Label, _path);
}
