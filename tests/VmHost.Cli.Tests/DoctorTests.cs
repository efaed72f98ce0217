using VmHost.Cli.Commands;
using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Tests;

public sealed class DoctorTests
{
    private static readonly Finding Sound = new() { Id = "kvm", Severity = FindingSeverity.Ok, Title = "KVM can be used", Detail = "it can" };

    private static readonly Finding Slow = new() { Id = "kvm", Severity = FindingSeverity.Warning, Title = "KVM cannot be used", Detail = "no /dev/kvm", Remedy = "modprobe\u001b[2J" };

    private static readonly Finding Broken = new() { Id = "qemu", Severity = FindingSeverity.Problem, Title = "QEMU is missing", Detail = "not found", Remedy = "apt install" };

    [Fact]
    public void A_finding_is_a_line_and_its_cure_another()
    {
        Assert.Equal(["ok    KVM can be used: it can"], FindingView.Of(Sound).Lines());
        Assert.Equal(["warn  KVM cannot be used: no /dev/kvm", "      modprobe?[2J"], FindingView.Of(Slow).Lines());
        Assert.Equal(["FAIL  QEMU is missing: not found", "      apt install"], FindingView.Of(Broken).Lines());
    }

    [Fact]
    public void Only_a_problem_fails()
    {
        Assert.Equal(ExitCodes.Ok, DoctorCommand.CodeOf([FindingView.Of(Sound), FindingView.Of(Slow)]));
        Assert.Equal(ExitCodes.Failed, DoctorCommand.CodeOf([FindingView.Of(Slow), FindingView.Of(Broken), FindingView.Of(Sound)]));
    }

    [Fact]
    public void What_a_newer_daemon_calls_otherwise_is_not_ok() =>
        Assert.Equal("warning", FindingView.Of(new() { Severity = (FindingSeverity)9 }).Severity);

    [Fact]
    public void A_daemon_that_is_not_there_is_a_problem_with_the_usual_cure()
    {
        var (code, lines) = Errors.Describe(new DaemonUnreachableException(UnreachableReason.NoSocketFile, "/run/x.sock", "no"), null);

        var view = FindingView.OfFailure(Assert.Single(lines));

        Assert.Equal(ExitCodes.Unreachable, code);
        Assert.Equal(("daemon", FindingView.Problem, "cannot reach vmhostd", "there is no socket file /run/x.sock"), (view.Id, view.Severity, view.Title, view.Detail));
        Assert.StartsWith("start it with: vmhostd", view.Cure, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_the_words_that_a_program_looks_for()
    {
        var json = MachineJson.Of([FindingView.Of(Sound), FindingView.Of(Broken)]);

        Assert.StartsWith("[", json, StringComparison.Ordinal);
        Assert.Contains("\"severity\": \"problem\"", json, StringComparison.Ordinal);
        Assert.Single(json.Split("\"cure\"").Skip(1));
    }
}
