using System.Globalization;
using System.Text;
using VmHost.LinuxKit;

namespace VmHost.Cli.Terminal;

internal enum ProgressKind
{
    None,
    Plain,
    Terminal,
}

/// <summary>Shows on stderr how a build goes on: a line for each step, and at a terminal one that moves while bytes come.</summary>
internal sealed class BuildProgressView(ProgressKind kind) : IBuildProgress, IDisposable
{
    private const int BarWidth = 24;
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100);

    // Guards all that follows: blobs come on several threads.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PulledBlob> _blobs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _images = new(StringComparer.Ordinal);
    private readonly long _begun = TimeProvider.System.GetTimestamp();
    private long _drawn;
    private bool _hasBar;

    public void Doing(string text)
    {
        if (kind == ProgressKind.None)
            return;

        lock (_lock)
        {
            ClearLocked();
            Output.Note(text);
        }
    }

    public void Note(string text)
    {
        lock (_lock)
        {
            ClearLocked();
            Output.Error($"note: {text}");
        }
    }

    public void Pulled(PulledBlob blob)
    {
        if (kind == ProgressKind.None)
            return;

        lock (_lock)
        {
            if (_images.Add(blob.Image))
            {
                ClearLocked();
                Output.Note($"Pull image: {blob.Image}");
            }

            _blobs[blob.Digest] = blob;
            var isDone = _blobs.Values.All(one => one.Bytes == one.TotalBytes);
            if (kind != ProgressKind.Terminal || (!isDone && _hasBar && TimeProvider.System.GetElapsedTime(_drawn) < Redraw))
                return;

            _drawn = TimeProvider.System.GetTimestamp();
            StandardStreams.TryWriteError(Encoding.UTF8.GetBytes($"\r{BarLocked()}\u001b[K{(isDone ? "\n" : "")}"));
            _hasBar = !isDone;
        }
    }

    /// <summary>What follows, such as an error, begins on a line of its own.</summary>
    public void Dispose()
    {
        lock (_lock)
            ClearLocked();
    }

    private void ClearLocked()
    {
        if (_hasBar)
            StandardStreams.TryWriteError("\r\u001b[K"u8);
        _hasBar = false;
    }

    private string BarLocked()
    {
        var (bytes, total) = (_blobs.Values.Sum(blob => blob.Bytes), Math.Max(1, _blobs.Values.Sum(blob => blob.TotalBytes)));
        var filled = (int)(bytes * BarWidth / total);
        var seconds = Math.Max(0.001, TimeProvider.System.GetElapsedTime(_begun).TotalSeconds);
        return string.Create(CultureInfo.InvariantCulture, $"  [{new string('=', filled)}{new string(' ', BarWidth - filled)}] {Size(bytes)} of {Size(total)}, {Size((long)(bytes / seconds))}/s");
    }

    internal static string Size(long bytes) =>
        bytes switch
        {
            >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
            >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        };
}
