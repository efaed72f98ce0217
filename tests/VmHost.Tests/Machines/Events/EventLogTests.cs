using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using VmHost.Hypervisors;
using VmHost.Machines;
using VmHost.Machines.Events;
using VmHost.Specs;
using VmHost.Supervision;
using VmHost.TestKit;

namespace VmHost.Tests.Machines.Events;

public sealed class EventLogTests : IDisposable
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    private readonly TemporaryDirectory _directory = new();

    private string File => _directory.Combine("events.jsonl");

    [Fact]
    public async Task A_token_goes_on_behind_its_event_also_in_the_next_daemon()
    {
        string token;
        using (var first = Open())
        {
            Publish(first, "one", 3);
            token = first.TokenOf((await ReadAsync(first.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default)))[1].Sequence);
            Assert.Equal(["one 3"], Texts(await ReadAsync(first.ReadAsync(token, false, Quiet, default))));
        }

        using var second = Open();
        Publish(second, "two", 2);

        Assert.Equal(["one 3", "two 1", "two 2"], Texts(await ReadAsync(second.ReadAsync(token, false, Quiet, default))));
    }

    [Fact]
    public async Task The_token_of_now_is_good_after_a_restart_too()
    {
        string token;
        using (var first = Open())
        {
            Publish(first, "one", 2);
            token = first.Token;
        }

        using var second = Open();
        var atStart = second.Token;
        Publish(second, "two", 1);

        Assert.Equal(["two 1"], Texts(await ReadAsync(second.ReadAsync(token, false, Quiet, default))));
        Assert.Equal(["two 1"], Texts(await ReadAsync(second.ReadAsync(atStart, false, Quiet, default))));
    }

    [Fact]
    public async Task A_pipe_in_the_files_place_holds_no_daemon_up()
    {
        using var mkfifo = Process.Start("mkfifo", [File]);
        await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);

        using var log = await Task.Run(Open, TestContext.Current.CancellationToken).WaitAsync(Quiet, TestContext.Current.CancellationToken);
        Publish(log, "one", 1);

        Assert.Single(await ReadAsync(log.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default)));
    }

    [Fact]
    public async Task The_log_is_bounded_and_an_old_token_is_told_to_be_expired()
    {
        using var log = Open();
        var old = log.Token;
        Publish(log, "many", 20_000);

        Assert.Equal(VmHostError.OutOfRange, Assert.Throws<VmHostException>(() => log.ReadAsync(old, false, Quiet, default)).Error);
        var kept = await ReadAsync(log.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default));
        Assert.InRange(kept.Count, 2000, 4000);
        Assert.Equal("many 20000", kept[^1].Detail);
        Assert.InRange(new FileInfo(File).Length, 1, 2 << 20);
        using var next = Open();
        Assert.InRange((await ReadAsync(next.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default))).Count, 2000, 4000);
        Assert.Equal(VmHostError.OutOfRange, Assert.Throws<VmHostException>(() => next.ReadAsync(old, false, Quiet, default)).Error);
    }

    [Fact]
    public void A_token_of_another_log_or_of_events_that_never_reached_the_disk_is_expired_and_nonsense_is_wrong()
    {
        using var log = Open();
        Publish(log, "one", 2);
        var token = log.Token;
        var future = token[..token.IndexOf('-', StringComparison.Ordinal)] + "-1234567";

        Assert.Equal(VmHostError.OutOfRange, Assert.Throws<VmHostException>(() => log.ReadAsync("00000000-1", false, Quiet, default)).Error);
        Assert.Equal(VmHostError.OutOfRange, Assert.Throws<VmHostException>(() => log.ReadAsync(future, false, Quiet, default)).Error);
        Assert.Equal(VmHostError.InvalidArgument, Assert.Throws<VmHostException>(() => log.ReadAsync("hello", false, Quiet, default)).Error);
        Assert.Equal(VmHostError.InvalidArgument, Assert.Throws<VmHostException>(() => log.ReadAsync("", false, Quiet, default)).Error);
    }

    [Fact]
    public async Task A_file_that_was_cut_anywhere_loses_its_end_and_nothing_else()
    {
        using (var log = Open())
            Publish(log, "one", 5);
        var whole = await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);

        for (var length = 0; length < whole.Length; length++)
        {
            await System.IO.File.WriteAllBytesAsync(File, whole[..length], TestContext.Current.CancellationToken);
            using var cut = Open();
            Publish(cut, "two", 1);
            var texts = Texts(await ReadAsync(cut.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default)));

            var complete = whole.AsSpan(0, length).Count((byte)'\n');
            Assert.InRange(texts.Count, Math.Max(0, complete - 1) + 1, complete + 1);   // the last line may be whole but for its line break
            Assert.Equal("two 1", texts[^1]);
            Assert.Equal(Enumerable.Range(1, texts.Count - 1).Select(number => $"one {number}"), texts[..^1]);
        }
    }

    [Fact]
    public async Task Behind_a_file_that_was_torn_after_its_first_line_new_events_are_read_at_once()
    {
        using (var log = Open())
            Publish(log, "many", 20_000);
        var whole = await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);
        await System.IO.File.WriteAllBytesAsync(File, whole[..(whole.AsSpan().IndexOf((byte)'\n') + 10)], TestContext.Current.CancellationToken);

        using var torn = Open();
        var token = torn.Token;
        Publish(torn, "after", 2);

        Assert.Equal(["after 1", "after 2"], Texts(await ReadAsync(torn.ReadAsync(token, false, Quiet, default))));
        Assert.Equal(["after 1", "after 2"], Texts(await ReadAsync(torn.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default))));
    }

    [Fact]
    public async Task A_token_of_an_event_that_never_reached_the_disk_does_not_stand_for_an_event_of_the_next_daemon()
    {
        string lost;
        using (var first = Open())
        {
            Publish(first, "one", 4000);   // as many as the file may lack
            lost = first.TokenOf(5);
        }

        var lines = await System.IO.File.ReadAllLinesAsync(File, TestContext.Current.CancellationToken);
        await System.IO.File.WriteAllLinesAsync(File, lines[..3], TestContext.Current.CancellationToken);

        using var second = Open();
        Publish(second, "two", 3900);

        Assert.Equal(VmHostError.OutOfRange, Assert.Throws<VmHostException>(() => second.ReadAsync(lost, false, Quiet, default)).Error);
        var numbers = (await ReadAsync(second.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default))).Where(one => one.Detail.StartsWith("two", StringComparison.Ordinal)).Select(one => one.Sequence);
        Assert.All(numbers, number => Assert.InRange(number, 4001, long.MaxValue));
    }

    [Fact]
    public async Task Every_kind_of_event_comes_back_as_it_was()
    {
        List<HostEvent> before;
        using (var first = Open())
        {
            foreach (var kind in Enum.GetValues<HostEventKind>())
            {
                first.Publish(new() { Kind = kind });
                first.Publish(new() { Kind = kind, MachineId = "0123456789ab", Machine = "m", State = MachineState.Created, Exit = new(ExitReason.Unknown, false, 0, null, GuestFault.None), Step = HaltStep.Killed });
            }

            before = await ReadAsync(first.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default));
        }

        using var second = Open();
        Assert.Equal(before, await ReadAsync(second.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default)));
    }

    [Fact]
    public async Task A_follower_gets_what_comes_and_ends_when_called_off()
    {
        using var log = Open();
        using var stop = new CancellationTokenSource();
        await using var follower = log.ReadAsync(log.Token, true, Quiet, stop.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var next = follower.MoveNextAsync().AsTask();
        Assert.False(next.IsCompleted);

        Publish(log, "one", 1);

        Assert.True(await next);
        Assert.Equal("one 1", follower.Current!.Detail);
        next = follower.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public async Task Silence_is_told_too()
    {
        using var log = Open();
        await using var follower = log.ReadAsync(log.Token, true, TimeSpan.FromMilliseconds(1), CancellationToken.None).GetAsyncEnumerator(TestContext.Current.CancellationToken);

        Assert.True(await follower.MoveNextAsync());
        Assert.Null(follower.Current);
        Assert.True(await follower.MoveNextAsync());
        Assert.Null(follower.Current);
    }

    [Fact]
    public async Task A_state_that_was_told_is_not_told_again_by_the_next_daemon()
    {
        using (var first = Open())
            first.Publish(State(MachineState.Running));
        using var second = Open();

        second.Publish(State(MachineState.Running));
        second.Publish(State(MachineState.Stopped));
        second.Publish(State(MachineState.Running));

        Assert.Equal(3, (await ReadAsync(second.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default))).Count);
    }

    [Fact]
    public async Task Where_it_cannot_be_written_events_still_reach_those_who_watch_and_the_file_is_made_good_later()
    {
        // A directory in its place: no program can open that for writing.
        Directory.CreateDirectory(File);
        using (var log = Open())
        {
            Publish(log, "unwritten", 3);
            Assert.Equal(3, (await ReadAsync(log.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default))).Count);

            Directory.Delete(File);
            Publish(log, "written", 1);
        }

        using var next = Open();
        Assert.Equal(["unwritten 1", "unwritten 2", "unwritten 3", "written 1"], Texts(await ReadAsync(next.ReadSinceAsync(DateTimeOffset.MinValue, false, Quiet, default))));
    }

    public void Dispose() => _directory.Dispose();

    private EventLog Open() => new(File, TimeProvider.System, NullLogger<EventLog>.Instance);

    private static void Publish(EventLog log, string text, int count)
    {
        for (var number = 1; number <= count; number++)
            log.Publish(new() { Kind = HostEventKind.MachineCreated, MachineId = "0123456789ab", Machine = "m", Detail = $"{text} {number}" });
    }

    private static HostEvent State(MachineState state) =>
        new() { Kind = HostEventKind.MachineState, MachineId = "0123456789ab", Machine = "m", State = state, Boot = 1 };

    private static List<string> Texts(List<HostEvent> events) => [.. events.Select(one => one.Detail)];

    private static async Task<List<HostEvent>> ReadAsync(IAsyncEnumerable<HostEvent?> events)
    {
        var all = new List<HostEvent>();
        await foreach (var one in events)
            all.Add(one!);

        Assert.Equal(all.OrderBy(one => one.Sequence), all);
        return all;
    }
}
