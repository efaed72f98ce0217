using VmHost.Hypervisors;
using VmHost.Machines;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Tests.Machines;

public sealed class RestartRulesTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData(RestartMode.No, false, false)]
    [InlineData(RestartMode.No, true, false)]
    [InlineData(RestartMode.OnFailure, true, true)]
    [InlineData(RestartMode.OnFailure, false, false)]
    [InlineData(RestartMode.Always, true, true)]
    [InlineData(RestartMode.Always, false, true)]
    [InlineData(RestartMode.UnlessStopped, true, true)]
    [InlineData(RestartMode.UnlessStopped, false, true)]
    public void Each_policy_has_its_ends(RestartMode mode, bool failed, bool again)
    {
        var exit = Exit(failed ? ExitReason.HypervisorError : ExitReason.PowerOff, expected: !failed);

        Assert.Equal(again, RestartRules.AfterEnd(Record(mode), exit, 0) is RestartDecision.Again);
    }

    [Theory]
    [InlineData(RestartMode.OnFailure)]
    [InlineData(RestartMode.Always)]
    [InlineData(RestartMode.UnlessStopped)]
    public void No_policy_takes_back_a_stop_by_hand(RestartMode mode) =>
        Assert.IsType<RestartDecision.Stay>(RestartRules.AfterEnd(Record(mode) with { StoppedByHand = true }, Exit(ExitReason.Killed, false), 0));

    [Fact]
    public void A_first_start_that_fails_is_not_repeated_and_a_later_one_is()
    {
        var exit = Exit(ExitReason.StartFailed, false);

        Assert.IsType<RestartDecision.Stay>(RestartRules.AfterEnd(Record(RestartMode.Always), exit, 0));
        Assert.Equal(new RestartDecision.Again(3, TimeSpan.FromSeconds(4)), RestartRules.AfterEnd(Record(RestartMode.Always) with { Retry = new(2, null) }, exit, 0));
    }

    [Fact]
    public void Retries_in_a_row_are_counted_and_the_limit_ends_them()
    {
        var record = Record(RestartMode.OnFailure, 2);
        var exit = Exit(ExitReason.Panic, false);

        Assert.Equal(new RestartDecision.Again(1, TimeSpan.FromSeconds(1)), RestartRules.AfterEnd(record, exit, 0));
        Assert.Equal(new RestartDecision.Again(2, TimeSpan.FromSeconds(2)), RestartRules.AfterEnd(record with { Retry = new(1, null) }, exit, 0));
        Assert.Equal(new RestartDecision.GiveUp(2), RestartRules.AfterEnd(record with { Retry = new(2, null) }, exit, 0));
        Assert.Equal(new RestartDecision.GiveUp(2), RestartRules.AfterFailedStart(record with { Retry = new(2, null) }, 0));
    }

    [Fact]
    public void A_machine_that_ran_well_begins_anew()
    {
        var exit = Exit(ExitReason.Panic, false) with { RanFor = RestartRules.Healthy };

        Assert.Equal(new RestartDecision.Again(1, TimeSpan.FromSeconds(1)), RestartRules.AfterEnd(Record(RestartMode.OnFailure, 2) with { Retry = new(2, null) }, exit, 0));
    }

    [Fact]
    public void Delays_double_up_to_the_longest_and_never_overflow()
    {
        var delays = Enumerable.Range(1, 1000).Select(attempt => RestartRules.Delay(attempt, 0)).ToList();

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], delays.Take(11).Select(delay => delay.TotalSeconds));
        Assert.All(delays.Skip(9), delay => Assert.Equal(RestartRules.LongestDelay, delay));
    }

    [Fact]
    public void Jitter_takes_away_a_quarter_at_most()
    {
        Assert.Equal(6, RestartRules.Delay(4, 1).TotalSeconds);
        Assert.InRange(RestartRules.Delay(4, 0.5).TotalSeconds, 6, 8);
    }

    [Theory]
    [InlineData(RestartMode.No, false, false)]
    [InlineData(RestartMode.OnFailure, false, false)]
    [InlineData(RestartMode.Always, false, true)]
    [InlineData(RestartMode.Always, true, true)]
    [InlineData(RestartMode.UnlessStopped, false, true)]
    [InlineData(RestartMode.UnlessStopped, true, false)]
    public void With_the_host_start_those_that_are_to(RestartMode mode, bool stoppedByHand, bool starts) =>
        Assert.Equal(starts, RestartRules.StartsWithHost(Record(mode) with { StoppedByHand = stoppedByHand }));

    [Theory]
    [InlineData(RestartMode.OnFailure, 0, null)]
    [InlineData(RestartMode.OnFailure, 1000, null)]
    [InlineData(RestartMode.OnFailure, 1001, "restart_policy.max_retries")]
    [InlineData(RestartMode.OnFailure, -1, "restart_policy.max_retries")]
    [InlineData(RestartMode.Always, 3, "restart_policy.max_retries")]
    [InlineData((RestartMode)9, 0, "restart_policy.mode")]
    public void A_policy_that_makes_no_sense_is_told_by_its_field(RestartMode mode, int retries, string? field) =>
        Assert.Equal(field, new RestartPolicy(mode, retries).Fault()?.Field);

    private static MachineRecord Record(RestartMode mode, int retries = 0) =>
        new()
        {
            Schema = MachineRecord.CurrentSchema,
            Seq = 1,
            Id = "0123456789ab",
            Name = "one",
            Spec = new() { Boot = new(null, "/k", null, ""), CpuCount = 1, Memory = ByteSize.FromMiB(64), PublishedPorts = [], Hypervisor = HypervisorKind.Qemu, Uuid = Guid.Empty },
            CreatedAt = DateTimeOffset.UnixEpoch,
            Restart = new(mode, retries),
        };

    private static ExitSummary Exit(ExitReason reason, bool expected) =>
        new()
        {
            Boot = 1,
            Reason = reason,
            Detail = "it ended",
            Expected = expected,
            RanFor = Soon,
            EndedAt = DateTimeOffset.UnixEpoch,
            ConsoleTail = [],
            HypervisorLogTail = [],
        };
}
