namespace VmHost.LinuxKit.Outputs;

/// <summary>What a build made, as its stamp says: a line for the inputs, then one for each file.</summary>
internal sealed class BuiltFiles
{
    private readonly string _inputs;
    private readonly IReadOnlyList<(string Line, string Path)> _files;

    internal BuiltFiles(string directory, string stamp)
    {
        var lines = stamp.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        _inputs = lines is [var first, ..] ? first : "";
        _files = [.. lines.Skip(1).Select(line => (line, Path.Combine(directory, line.Split(' ', 3)[^1])))];
    }

    /// <summary>Paths of files that nobody changed since.</summary>
    internal IEnumerable<string> Unchanged => _files.Where(IsUnchanged).Select(file => file.Path);

    /// <summary>All paths, or null where these inputs would make other files, or one was changed.</summary>
    internal IReadOnlyList<string>? For(string inputs) =>
        inputs == _inputs && _files.Count > 0 && _files.All(IsUnchanged) ? [.. _files.Select(file => file.Path)] : null;

    /// <summary>A file's line.</summary>
    internal static string Describe(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? $"{file.Length} {file.LastWriteTimeUtc.Ticks} {file.Name}" : "";
    }

    private static bool IsUnchanged((string Line, string Path) file) => file.Line == Describe(file.Path);
}
