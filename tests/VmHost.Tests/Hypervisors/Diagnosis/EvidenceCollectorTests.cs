using VmHost.Hypervisors;
using VmHost.Hypervisors.Diagnosis;
using VmHost.TestKit;

namespace VmHost.Tests.Hypervisors.Diagnosis;

public sealed class EvidenceCollectorTests
{
    private readonly Questions _questions = new(TimeSpan.FromSeconds(30), TimeProvider.System);

    [Fact]
    public async Task A_tool_answers()
    {
        Assert.Equal("a b", await _questions.AskAsync("/bin/echo", TestContext.Current.CancellationToken, "a b"));
        Assert.Equal("out\nerr\n", await _questions.AskAnyhowAsync("/bin/sh", TestContext.Current.CancellationToken, "-c", "echo out; echo err >&2; exit 3"));
    }

    [Fact]
    public async Task A_tool_that_is_missing_or_fails_or_hangs_is_no_answer()
    {
        var impatient = new Questions(TimeSpan.FromMilliseconds(50), TimeProvider.System);

        Assert.Null(await _questions.AskAsync("/nowhere/sysctl", TestContext.Current.CancellationToken));
        Assert.Null(await _questions.AskAsync("/bin/sh", TestContext.Current.CancellationToken, "-c", "echo 1; exit 1"));
        Assert.Null(await impatient.AskAsync("/bin/sleep", TestContext.Current.CancellationToken, "1000"));
    }

    [Fact]
    public async Task Who_gives_up_is_told_so()
    {
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _questions.AskAsync("/bin/sleep", gone.Token, "1000"));
    }

    [Fact]
    public async Task This_host_is_looked_at()
    {
        using var directory = new TemporaryDirectory();
        var probe = new HostProbe(new(Repository.FakeHypervisor), TimeProvider.System);
        var collector = new EvidenceCollector(new(directory.Path, "/run/vmhost", "/run/vmhost/a-socket-of-its-own-with-a-long-name.sock", "0123456789ab"), TimeProvider.System);

        var seen = await collector.CollectAsync(await probe.ProbeAsync(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);

        Assert.InRange(seen.FreeStateBytes ?? 0, 1, long.MaxValue);
        Assert.Equal("/run/vmhost/a-socket-of-its-own-with-a-long-name.sock", seen.LongestSocketPath);
        Assert.Contains("MemAvailable:", seen.Memory, StringComparison.Ordinal);
        Assert.NotEqual("", seen.Processes);
        Assert.Contains("flags", seen.Linux?.CpuInfo, StringComparison.Ordinal);
        Assert.Equal(File.Exists("/dev/kvm"), seen.Linux?.HasKvmDevice);
        Assert.Null(seen.Mac);
    }
}
