namespace VmHost.Cli;

/// <summary>Ends a command with one line per fault and an exit code.</summary>
internal sealed class CliException(int exitCode, params IReadOnlyList<string> lines) : Exception(lines.Count > 0 ? lines[0] : "")
{
    internal int ExitCode { get; } = exitCode;

    internal IReadOnlyList<string> Lines { get; } = lines;
}
