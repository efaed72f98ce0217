using VmHost.Protocol.V1;

namespace VmHost.Cli.Terminal;

/// <summary>One finding of <c>doctor</c>, as <c>-o json</c> and people see it.</summary>
/// <param name="Id">The check.</param>
/// <param name="Severity">ok, warning or problem.</param>
/// <param name="Title">A few words.</param>
/// <param name="Detail">What was seen.</param>
/// <param name="Cure">Left out where nothing is to be done.</param>
internal sealed record FindingView(string Id, string Severity, string Title, string Detail, string? Cure)
{
    internal const string Problem = "problem";

    // Of the connection itself, which only vmctl can judge.
    private const string Daemon = "daemon";

    private const string Indent = "      ";

    internal static FindingView Of(Finding finding) =>
        new(finding.Id, SeverityOf(finding.Severity), finding.Title, finding.Detail, finding.Remedy.Length > 0 ? finding.Remedy : null);

    internal static FindingView OfAnswer(string socketPath) => new(Daemon, "ok", "vmhostd answers", $"at {socketPath}", null);

    /// <summary>A message "what: why; cure", as <see cref="Errors"/> words it for every command.</summary>
    internal static FindingView OfFailure(string message)
    {
        var (found, cure) = Cut(message, "; ");
        var (what, why) = Cut(found, ": ");
        return new(Daemon, Problem, what, why ?? "", cure);
    }

    /// <summary>One line, and one more for the cure.</summary>
    internal IEnumerable<string> Lines()
    {
        var mark = Severity switch
        {
            "ok" => "ok",
            Problem => "FAIL",
            _ => "warn",
        };
        yield return Output.Visible($"{mark,-4}  {Title}{(Detail.Length > 0 ? $": {Detail}" : "")}");
        if (Cure is not null)
            yield return Output.Visible(Indent + Cure);
    }

    // What a newer daemon may say is no "ok".
    private static string SeverityOf(FindingSeverity severity) =>
        severity switch
        {
            FindingSeverity.Ok => "ok",
            FindingSeverity.Problem => Problem,
            _ => "warning",
        };

    private static (string Before, string? After) Cut(string text, string mark)
    {
        var at = text.IndexOf(mark, StringComparison.Ordinal);
        return at < 0 ? (text, null) : (text[..at], text[(at + mark.Length)..]);
    }
}
