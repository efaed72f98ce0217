using System.CommandLine;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;

namespace VmHost.Cli.Commands;

internal static class DoctorCommand
{
    internal static Command Create()
    {
        var command = new Command("doctor", "Show what this host has and lacks for running machines, and the cures");
        command.SetAction(async (parsed, ct) =>
        {
            var (findings, code) = await FindAsync(parsed, ct);
            if (CommonOptions.IsStructured(parsed))
                CommonOptions.Print(parsed, MachineJson.Of([.. findings]));
            else
                Output.Line(string.Join('\n', findings.SelectMany(finding => finding.Lines())));
            return code;
        });
        return command;
    }

    internal static int CodeOf(IEnumerable<FindingView> findings) =>
        findings.Any(finding => finding.Severity == FindingView.Problem) ? ExitCodes.Failed : ExitCodes.Ok;

    private static async Task<(IReadOnlyList<FindingView> Findings, int Code)> FindAsync(ParseResult parsed, CancellationToken ct)
    {
        try
        {
            using var daemon = Connection.Open(parsed);
            var found = await daemon.DiagnoseAsync(ct);
            FindingView[] findings = [FindingView.OfAnswer(daemon.SocketPath), .. found.Select(FindingView.Of)];
            return (findings, CodeOf(findings));
        }
        catch (Exception e) when (e is DaemonUnreachableException or RpcException { StatusCode: not StatusCode.Cancelled })
        {
            // No failure of this command: it is what the doctor was called for, and so goes where findings go.
            var (code, lines) = Errors.Describe(e, null);
            return ([.. lines.Select(FindingView.OfFailure)], code);
        }
    }
}
