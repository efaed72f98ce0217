using VmHost.Posix;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>A vmctl that is stopped for longer than the daemon waits for a client, as by Ctrl-Z or a host that sleeps.</summary>
public sealed class SilentClientTests
{
    [Theory]
    [InlineData("logs", "-f")]
    [InlineData("console")]
    public async Task It_is_given_up_with_a_reason_and_goes_on_where_it_was(params string[] words)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--client-timeout-seconds", "8");
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "asleep", "ready;echo");
        using var vmctl = TerminalSession.Start(Repository.Cli, ["--host", daemon.Socket, .. words, "asleep"]);
        await vmctl.ShowsAsync("fakehv: ready");
        if (words is ["console"])
            await vmctl.RawAsync();

        Signals.Send(vmctl.Pid, Stop);
        await Eventually.TrueAsync(() => daemon.Log.Contains($"The connection of process {vmctl.Pid} was given up", StringComparison.Ordinal) && daemon.Log.Contains(": keep_alive_timeout.", StringComparison.Ordinal), "the daemon gives it up");
        using var later = new DaemonClient(daemon);   // the test's own may have been too slow by then
        await later.Console.WriteConsoleAsync(new() { Machine = machine.Id, Force = true, Data = Google.Protobuf.ByteString.CopyFromUtf8("meanwhile\r\n") });
        await later.ConsoleShowsAsync(machine.Id, "meanwhile");
        Signals.Send(vmctl.Pid, Continue);

        await vmctl.ShowsAsync("meanwhile");
        await later.Console.WriteConsoleAsync(new() { Machine = machine.Id, Force = true, Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\r") });
        Assert.Equal(0, (await vmctl.ExitAsync()).Code);
        Assert.Single(Occurrences(vmctl.Shown, "meanwhile"));
    }

    private const int Stop = 19;
    private const int Continue = 18;

    private static IEnumerable<int> Occurrences(string text, string what)
    {
        for (var at = 0; (at = text.IndexOf(what, at, StringComparison.Ordinal)) >= 0; at += what.Length)
            yield return at;
    }
}
