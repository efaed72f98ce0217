using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

/// <summary>Where logs go: stdout, or a file.</summary>
/// <param name="file">The file; null for stdout.</param>
internal sealed class LogSink(FileStream? file) : IDisposable
{
    // One piece at a time: several machines write.
    private readonly Lock _lock = new();

    /// <summary>A person sees it as it comes.</summary>
    internal bool IsTerminal => file is null && Output.IsTerminal;

    /// <exception cref="IOException">It cannot be written.</exception>
    internal void Write(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if (file is null)
                StandardStreams.Write(data);
            else
                file.Write(data);
        }
    }

    public void Dispose() => file?.Dispose();
}
