using Microsoft.Extensions.Time.Testing;
using VmHost.Hypervisors;
using VmHost.TestKit;
using VmHost.Tests.Images;

namespace VmHost.Tests.Hypervisors;

/// <summary>With programs that end as QEMU does, and with the real one, which needs no KVM to run the guest.</summary>
public sealed class KvmTrialTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("exit 35", null)]
    [InlineData("exit 0", "QEMU ended with 0")]
    [InlineData("echo 'failed to set MSR 0x10a' >&2; echo 'Assertion failed' >&2; kill -ABRT $$", "QEMU died of signal 6: failed to set MSR 0x10a")]
    public async Task The_guests_own_end_is_what_counts(string body, string? problem) =>
        Assert.Equal(new KvmOutcome(problem), await OutcomeAsync(TimeProvider.System, Program(body)));

    [Fact]
    public async Task The_guest_ends_the_real_QEMU()
    {
        using var trial = new KvmTrial(new(), TimeProvider.System);
        Assert.Equal(new KvmOutcome(null), await trial.TryAsync("/usr/bin/qemu-system-x86_64", "tcg", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_could_not_be_tried_is_not_known()
    {
        var qemu = Program("exit 35");
        File.SetUnixFileMode(qemu, UnixFileMode.UserRead);

        Assert.Null(await OutcomeAsync(TimeProvider.System, qemu));
    }

    [Fact]
    public async Task Those_who_ask_at_the_same_time_get_one_trial()
    {
        var calls = _folder.Write("calls", "");
        var qemu = Program($"echo call >>'{calls}'; exit 35");
        using var trial = new KvmTrial(new(), TimeProvider.System);

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => trial.OutcomeAsync(qemu, TestContext.Current.CancellationToken)));

        Assert.Single(await File.ReadAllLinesAsync(calls, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_guest_that_does_not_run_is_given_up()
    {
        var time = new FakeTimeProvider();
        var started = _folder.File("started");
        var outcome = OutcomeAsync(time, Program($"echo >'{started}'; exec sleep 600"));
        await Eventually.TrueAsync(() => File.Exists(started), "it runs");

        time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal("its first instructions did not run within 10 s", (await outcome)!.Problem);
    }

    [Fact]
    public async Task What_works_is_tried_once_and_what_does_not_again_after_a_minute()
    {
        var time = new FakeTimeProvider();
        using var trial = new KvmTrial(new(), time);
        var calls = _folder.Write("calls", "");
        var works = _folder.File("works");
        var qemu = Program($"echo call >>'{calls}'; [ -e '{works}' ] && exit 35");
        async Task<string?> ProblemAsync() => (await trial.OutcomeAsync(qemu, TestContext.Current.CancellationToken))!.Problem;
        async Task<int> CallsAsync() => (await File.ReadAllLinesAsync(calls, TestContext.Current.CancellationToken)).Length;

        Assert.NotNull(await ProblemAsync());
        _folder.Write("works", "");
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.NotNull(await ProblemAsync());
        Assert.Equal(1, await CallsAsync());

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await ProblemAsync());
        time.Advance(TimeSpan.FromDays(1));
        Assert.Null(await ProblemAsync());
        Assert.Equal(2, await CallsAsync());
    }

    public void Dispose() => _folder.Dispose();

    private static async Task<KvmOutcome?> OutcomeAsync(TimeProvider time, string qemu)
    {
        using var trial = new KvmTrial(new(), time);
        return await trial.OutcomeAsync(qemu, TestContext.Current.CancellationToken);
    }

    private string Program(string body) => ExecutableFile.Write(_folder.File("qemu"), $"#!/bin/sh\n{body}\n");
}
