using System.Diagnostics;
using System.Text;
using VmHost.Protocol.V1;
using VmHost.Posix;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>vmctl run without a terminal, ended by GNU timeout, a script or a service manager.</summary>
public sealed class SignalledRunTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private const int Alarm = 14;

    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    // timeout sends SIGTERM to vmctl and then to its process group. SIGALRM is how its own timer ends: its time is over once the guest is ready.
    [Fact]
    public async Task Of_twenty_runs_that_timeout_ends_twenty_halt()
    {
        var ends = new List<string>();
        foreach (var batch in Enumerable.Range(1, 20).Chunk(2))
            ends.AddRange(await Task.WhenAll(batch.Select(number => TimedOutAsync($"timed-{number}"))));

        Assert.All(ends, end => Assert.Equal("124, halted: PowerOff", end));
    }

    [Fact]
    public async Task A_second_signal_at_once_is_ignored_and_a_later_one_kills()
    {
        using var run = Start(Repository.Cli, "twice", "ignorepower;ready;hang");
        var error = new StringBuilder();
        run.ErrorDataReceived += (_, line) =>
        {
            lock (error)
                error.AppendLine(line.Data);
        };
        run.BeginErrorReadLine();
        await ReadyAsync(run);

        // As fast as it goes: one signal asks for a halt, all others of the first second are ignored, and the next one kills.
        var since = TimeProvider.System.GetTimestamp();
        await Eventually.TrueAsync(() => !Signals.Send(run.Id, Signals.Terminate) || Shows("killing twice"), "the machine is killed");
        var took = TimeProvider.System.GetElapsedTime(since);
        await run.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(took >= TimeSpan.FromSeconds(1), $"{took}: {error}");
        Assert.True(Shows("asked twice to halt; another signal after 1 s kills it"), error.ToString());
        Assert.Equal(ExitReason.Killed, (await _client.GetAsync("twice")).LastExit.Reason);

        bool Shows(string text)
        {
            lock (error)
                return error.ToString().Contains(text, StringComparison.Ordinal);
        }
    }

    private async Task<string> TimedOutAsync(string name)
    {
        using var timeout = Start("timeout", name, "ready;hang", "600", Repository.Cli);
        var error = timeout.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await ReadyAsync(timeout);
        Signals.Send(timeout.Id, Alarm);
        await timeout.WaitForExitAsync(TestContext.Current.CancellationToken);

        var ended = await _client.WaitAsync(name);
        var said = (await error).Contains($"killing {name}", StringComparison.Ordinal) ? "killed" : "halted";
        return $"{timeout.ExitCode}, {said}: {ended.LastExit.Reason}";
    }

    private static async Task ReadyAsync(Process run)
    {
        string? line;
        while ((line = await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)) is not null)
        {
            if (line.StartsWith("fakehv: ready", StringComparison.Ordinal))
                return;
        }

        Assert.Fail("vmctl ended before the guest was ready");
    }

    private Process Start(string program, string name, string steps, params string[] before)
    {
        string[] words = [.. before, "--host", _daemon.Socket, "run", "-n", name, DaemonClient.Fake(_daemon, steps).Boot.TriplePrefix];
        return Process.Start(new ProcessStartInfo(program, words) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
    }
}
