using VmHost.Posix;

namespace VmHost.Cli.Terminal;

/// <summary>How large the terminal on stdout is.</summary>
/// <param name="Columns">In characters.</param>
/// <param name="Rows">In characters.</param>
internal sealed record TerminalSize(int Columns, int Rows)
{
    private const int Output = 1;

    /// <summary>Null where there is no terminal, or one that does not know.</summary>
    internal static TerminalSize? Now =>
        TerminalDevice.SizeOf(Output) is { } size ? new(size.Columns, size.Rows) : null;
}
