using System.Text;
using Microsoft.Extensions.Time.Testing;
using VmHost.Consoles;
using VmHost.ShimContract.Journal;
using VmHost.Specs;
using VmHost.TestKit;

namespace VmHost.Tests.Consoles;

/// <summary>Three boots that wrote three lines each, ten seconds apart, beginning at noon.</summary>
public sealed class ConsoleReaderTests : IDisposable
{
    private const int Boots = 3;
    private const int Lines = 3;

    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(10);

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new(Noon);
    private readonly ConsoleFeed _feed;

    public ConsoleReaderTests()
    {
        _feed = new ConsoleFeed(_directory.Path);
        for (var boot = 1; boot <= Boots; boot++)
        {
            using var writer = new JournalWriter(_directory.Path, JournalLimits.Default, boot, _time);
            for (var line = 1; line <= Lines; line++)
            {
                writer.Append(Encoding.ASCII.GetBytes($"{boot}.{line}\n"));
                _time.Advance(Step);
                writer.Tick();
            }

            writer.Finish();
        }
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(null, null, null, "1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3")]
    [InlineData(0, null, null, "3.1 3.2 3.3")]
    [InlineData(-1, null, null, "2.1 2.2 2.3")]
    [InlineData(1, null, null, "1.1 1.2 1.3")]
    [InlineData(3, null, null, "3.1 3.2 3.3")]
    [InlineData(null, 35, null, "2.2 2.3 3.1 3.2 3.3")]
    [InlineData(null, null, 35, "1.1 1.2 1.3 2.1")]
    [InlineData(null, 15, 35, "1.3 2.1")]
    [InlineData(2, 35, null, "2.2 2.3")]
    [InlineData(-2, null, 15, "1.1 1.2")]
    [InlineData(3, null, 35, "")]
    [InlineData(null, 1000, null, "")]
    [InlineData(null, -1000, null, "1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3")]
    public async Task A_part_is_read_by_boot_and_time(int? boot, int? since, int? until, string expected) =>
        Assert.Equal(expected, await ReadAsync(new(new(Since: At(since)), Follow: false) { Boot = boot, Until = At(until) }));

    [Fact]
    public async Task Two_parts_that_meet_at_a_moment_are_the_whole()
    {
        for (var seconds = -5; seconds < 100; seconds += 5)
        {
            var before = await ReadAsync(new(new(), Follow: false) { Until = At(seconds) });
            var after = await ReadAsync(new(new(Since: At(seconds)), Follow: false));
            Assert.Equal("1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3", $"{before} {after}".Trim());
        }
    }

    [Fact]
    public async Task Behind_a_gap_no_more_is_read_than_was_asked_for()
    {
        using var directory = new TemporaryDirectory();
        using (var writer = new JournalWriter(directory.Path, new(400, 100), 1, _time))
        {
            writer.Append(new byte[900]);
            _time.Advance(Step);
            writer.Tick();
            writer.Append(new byte[50]);
        }

        var reader = new ConsoleReader(new ConsoleFeed(directory.Path), _time);
        var chunks = new List<(long Offset, int Count, long Gap)>();
        await foreach (var chunk in reader.ReadAsync(new(new(Offset: 10), Follow: false) { Until = _time.GetUtcNow() }, TestContext.Current.CancellationToken))
            chunks.Add((chunk.Offset, chunk.Data.Length, chunk.GapBytes));

        Assert.Equal((10, 0, 0), chunks[0]);
        Assert.Equal(chunks[1].Offset - 10, chunks[1].Gap);
        Assert.Equal(900, chunks[^1].Offset + chunks[^1].Count);
    }

    [Fact]
    public async Task The_last_lines_are_counted_within_a_boot() =>
        Assert.Equal("2.2 2.3", await ReadAsync(new(new(TailLines: 2), Follow: false) { Boot = 2 }));

    [Theory]
    [InlineData(4)]
    [InlineData(-3)]
    public async Task A_boot_that_is_not_there_is_refused_with_those_that_are(int boot)
    {
        var refused = await Assert.ThrowsAsync<VmHostException>(() => ReadAsync(new(new(), Follow: false) { Boot = boot }));

        Assert.Equal(VmHostError.OutOfRange, refused.Error);
        Assert.Contains("1 to 3", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_piece_is_of_one_boot_and_says_when_it_was_written()
    {
        var pieces = new List<string>();
        await foreach (var chunk in Reader().ReadAsync(new(new(), Follow: false) { WithTimes = true }, TestContext.Current.CancellationToken).Skip(1))
            pieces.Add($"{Encoding.ASCII.GetString(chunk.Data.Span).Trim()} boot {chunk.Boot} +{(chunk.WrittenAt!.Value - Noon).TotalSeconds}");

        Assert.Equal(
            ["1.1 boot 1 +0", "1.2 boot 1 +10", "1.3 boot 1 +20", "2.1 boot 2 +30", "2.2 boot 2 +40", "2.3 boot 2 +50", "3.1 boot 3 +60", "3.2 boot 3 +70", "3.3 boot 3 +80"],
            pieces);
    }

    [Fact]
    public async Task Following_one_boot_ends_where_the_next_begins()
    {
        _feed.BeginBoot(new(3, 24));
        await using var reading = Reader().ReadAsync(new(new(), Follow: true) { Boot = 0 }, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await reading.MoveNextAsync());
        Assert.Equal((24, 0, 3), (reading.Current.Offset, reading.Current.Data.Length, reading.Current.Boot));
        Assert.True(await reading.MoveNextAsync());
        Assert.Equal((24, 12), (reading.Current.Offset, reading.Current.Data.Length));

        var next = reading.MoveNextAsync();
        Assert.False(next.IsCompleted);
        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 4, _time))
            writer.Append("4.1\n"u8);
        _feed.BeginBoot(new(4, 36));

        Assert.False(await next);
    }

    [Fact]
    public async Task Following_a_boot_that_writes_nothing_does_not_go_on_with_the_next()
    {
        using (new JournalWriter(_directory.Path, JournalLimits.Default, 4, _time))
            _feed.BeginBoot(new(4, 36));
        await using var reading = Reader().ReadAsync(new(new(TailLines: 0), Follow: true) { Boot = 0 }, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await reading.MoveNextAsync());
        Assert.Equal((36, 4), (reading.Current.Offset, reading.Current.Boot));

        var next = reading.MoveNextAsync();
        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 5, _time))
            writer.Append("5.1\n"u8);
        _feed.BeginBoot(new(5, 36));

        Assert.False(await next);
    }

    [Fact]
    public async Task Following_a_boot_ends_where_the_next_begins_however_many_came_since()
    {
        _feed.BeginBoot(new(3, 24));
        await using var reading = Reader().ReadAsync(new(new(), Follow: true) { Boot = 0 }, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await reading.MoveNextAsync());
        for (var boot = 4; boot < 6; boot++)
        {
            using var writer = new JournalWriter(_directory.Path, JournalLimits.Default, boot, _time);
            _feed.BeginBoot(new(boot, writer.Start));
            writer.Append("more\n"u8);
        }

        Assert.True(await reading.MoveNextAsync());
        Assert.Equal((24, 12), (reading.Current.Offset, reading.Current.Data.Length));
        Assert.False(await reading.MoveNextAsync());
    }

    [Theory]
    [InlineData(0, 36)]
    [InlineData(1, 32)]
    public async Task Where_it_begins_is_said_also_where_there_is_nothing(int lines, int begin)
    {
        var first = await Reader().ReadAsync(new(new(TailLines: lines), Follow: false), TestContext.Current.CancellationToken).FirstAsync(TestContext.Current.CancellationToken);

        Assert.Equal((begin, 0, 0), (first.Offset, first.Data.Length, first.GapBytes));
    }

    [Fact]
    public async Task Following_until_a_moment_ends_then()
    {
        _feed.SetLive(true);
        var end = _time.GetUtcNow() + Step;
        await using var reading = Reader().ReadAsync(new(new(TailLines: 1), Follow: true) { Until = end }, TestContext.Current.CancellationToken).Skip(1).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await reading.MoveNextAsync());

        var next = reading.MoveNextAsync();
        Assert.False(next.IsCompleted);
        _time.Advance(Step);

        Assert.False(await next);
    }

    // What the shim told last: nothing, where the journal ends, or more than is to be found.
    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    [InlineData(1)]
    public async Task What_grows_without_news_of_it_is_found_within_a_second(int? toldBeyondEnd)
    {
        _feed.SetLive(true);
        if (toldBeyondEnd is { } beyond)
            _feed.Grow(JournalReader.Bounds(_directory.Path).End + beyond);
        await using var reading = Reader().ReadAsync(new(new(TailBytes: 0), Follow: true), TestContext.Current.CancellationToken).Skip(1).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var next = reading.MoveNextAsync();
        Assert.False(next.IsCompleted);

        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 4, _time))
            writer.Append("unheard of"u8);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(await next);
        Assert.Equal("unheard of"u8.ToArray(), reading.Current.Data.ToArray());
    }

    [Fact]
    public async Task A_reader_that_waits_for_a_slow_client_holds_no_file_open()
    {
        var (writing, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        var copying = Reader().CopyAsync(
            new(new(), Follow: false),
            async chunk =>
            {
                if (chunk.Data.IsEmpty)
                    return;

                writing.SetResult();
                await release.Task;
            },
            TestContext.Current.CancellationToken);
        await writing.Task;
        Assert.True(HoldsOpen(_directory.Path));

        _time.Advance(TimeSpan.FromSeconds(1));

        await Eventually.TrueAsync(() => !HoldsOpen(_directory.Path), "no segment is open");
        Assert.False(copying.IsCompleted);
        release.SetResult();
        await copying;
    }

    // The lines are as long as a block together with the first one: the last but one ends where a block ends.
    [Fact]
    public async Task A_line_that_ends_where_a_block_was_read_ends_there()
    {
        using var directory = new TemporaryDirectory();
        const int block = 64 << 10;
        using (var writer = new JournalWriter(directory.Path, JournalLimits.Default, 1, _time))
            writer.Append(Encoding.ASCII.GetBytes("first\n" + new string('x', block - 1) + "\n"));

        var reader = new ConsoleReader(new ConsoleFeed(directory.Path), _time);
        var begin = await reader.ReadAsync(new(new(TailLines: 1), Follow: false), TestContext.Current.CancellationToken).FirstAsync(TestContext.Current.CancellationToken);

        Assert.Equal(6, begin.Offset);
    }

    [Fact]
    public void However_many_ask_the_files_are_looked_at_once_a_second()
    {
        _time.Advance(Step);
        _feed.Look(_time);
        var end = _feed.Current.State.End;
        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 4, _time))
            writer.Append("more"u8);

        _feed.Look(_time);
        Assert.Equal(end, _feed.Current.State.End);
        _time.Advance(TimeSpan.FromSeconds(1));
        _feed.Look(_time);
        Assert.Equal(end + 4, _feed.Current.State.End);
    }

    [Fact]
    public async Task Without_its_indexes_the_output_stands()
    {
        foreach (var index in Directory.EnumerateFiles(_directory.Path, "*.idx"))
            File.Delete(index);

        Assert.Equal("1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3", await ReadAsync(new(new(), Follow: false) { WithTimes = true }));
    }

    [Fact]
    public async Task Whatever_stands_in_a_cut_or_damaged_index_costs_no_output()
    {
        var path = Directory.EnumerateFiles(_directory.Path, "*.idx").Single();
        var whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var random = new Random(5);
        for (var round = 0; round < 300; round++)
        {
            var damaged = whole[..random.Next(whole.Length + 1)];
            for (var flips = random.Next(4); flips > 0 && damaged.Length > 0; flips--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            await File.WriteAllBytesAsync(path, damaged, TestContext.Current.CancellationToken);

            Assert.Equal("1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3", await ReadAsync(new(new(), Follow: false) { WithTimes = true }));
        }
    }

    private static bool HoldsOpen(string directory) =>
        Directory.EnumerateFiles("/proc/self/fd").Any(file => new FileInfo(file).LinkTarget is { } target && target.StartsWith(directory, StringComparison.Ordinal));

    private static DateTimeOffset? At(int? seconds) => seconds is { } count ? Noon + TimeSpan.FromSeconds(count) : null;

    private ConsoleReader Reader() => new(_feed, _time);

    private async Task<string> ReadAsync(ConsoleSelection asked)
    {
        var text = new StringBuilder();
        await foreach (var chunk in Reader().ReadAsync(asked, TestContext.Current.CancellationToken))
            text.Append(Encoding.ASCII.GetString(chunk.Data.Span));
        return text.ToString().Trim().Replace('\n', ' ');
    }
}
