using System.Text;
using Microsoft.Extensions.Time.Testing;
using VmHost.Consoles;
using VmHost.ShimContract.Journal;
using VmHost.Specs;
using VmHost.TestKit;

namespace VmHost.Tests.Consoles;

/// <summary>Where lines begin and end, in output that is there. That it is waited for the daemon's tests show.</summary>
public sealed class ConsoleSearchTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("abc def\n", "^def", 4, null)]
    [InlineData("abc\ndef\n", "^def", 4, 4)]
    [InlineData("abc\ndef\n", "^abc", 0, 0)]
    [InlineData("abc\ndef", "def$", 5, null)]
    [InlineData("abc\ndef", "def$", 0, 4)]
    public async Task Lines_begin_where_they_begin_also_at_an_offset(string output, string pattern, int offset, int? found) =>
        Assert.Equal(found, (await FindAsync(output, pattern, offset))?.Offset);

    // Output is read in pieces of 64 KiB, and this line goes over one's end.
    [Theory]
    [InlineData("x$", 70_000)]
    [InlineData("x+\\n", 70_001)]
    public async Task A_line_ends_where_it_ends_and_not_where_a_piece_of_it_was_read(string pattern, int end) =>
        Assert.Equal(end, (await FindAsync(new string('x', 70_000) + "\n", pattern, 0))?.End);

    [Fact]
    public async Task A_match_is_as_long_as_what_is_there_lets_it_be() =>
        Assert.Equal(64, (await FindAsync(new string('.', 65_500) + new string('x', 64) + "\n", "x+", 0))?.Data.Length);

    [Fact]
    public async Task A_match_that_ends_where_output_was_lost_is_one()
    {
        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 1, _time))
            writer.Append("login: "u8);
        await File.WriteAllTextAsync(JournalFormat.SegmentPath(_directory.Path, 100), "behind the gap\n", TestContext.Current.CancellationToken);

        Assert.Equal(7, (await new ConsoleSearch("login: *").FindAsync(new ConsoleFeed(_directory.Path), 0, follow: false, _time, TestContext.Current.CancellationToken))?.End);
    }

    [Fact]
    public async Task No_match_spans_output_that_was_lost()
    {
        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 1, _time))
            writer.Append("log"u8);
        await File.WriteAllTextAsync(JournalFormat.SegmentPath(_directory.Path, 100), "in: \nlogin: \n", TestContext.Current.CancellationToken);

        Assert.Equal(105, (await new ConsoleSearch("login").FindAsync(new ConsoleFeed(_directory.Path), 0, follow: false, _time, TestContext.Current.CancellationToken))?.Offset);
    }

    [Fact]
    public async Task An_offset_behind_the_end_is_refused() =>
        Assert.Equal(VmHostError.OutOfRange, (await Assert.ThrowsAsync<VmHostException>(() => FindAsync("abc", "c", 4))).Error);

    private async Task<ConsoleMatch?> FindAsync(string output, string pattern, long offset)
    {
        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 1, _time))
            writer.Append(Encoding.ASCII.GetBytes(output));

        return await new ConsoleSearch(pattern).FindAsync(new ConsoleFeed(_directory.Path), offset, follow: false, _time, TestContext.Current.CancellationToken);
    }
}
