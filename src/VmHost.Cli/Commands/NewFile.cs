namespace VmHost.Cli.Commands;

/// <summary>A file that a person asks for, which is never written over.</summary>
internal static class NewFile
{
    /// <param name="label">The flag, for errors.</param>
    /// <param name="path">As it was written.</param>
    /// <exception cref="CliException">It is there already, or cannot be made.</exception>
    internal static FileStream Create(string label, string path)
    {
        try
        {
            return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Path.Exists(path) ? IsThere(label, path) : new CliException(ExitCodes.Usage, $"{label}: {path} cannot be made: {e.Message}");
        }
    }

    internal static CliException IsThere(string label, string path) => new(ExitCodes.Usage, $"{label}: {path} is there already; name another file");
}
