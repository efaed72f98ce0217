using System.Text;
using System.Text.RegularExpressions;
using VmHost.Cli.Commands;

namespace VmHost.Cli.Tests;

public sealed class LogPrinterTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, 250, TimeSpan.Zero);

    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Without_anything_asked_for_bytes_pass_as_they_are() =>
        Assert.Equal("\u001b[1mno end\0\r", Print(new(), "\u001b[1mno ", "end\0\r"));

    [Fact]
    public void A_line_has_its_label_and_the_time_of_its_begin_and_ends_with_a_line_feed() =>
        Assert.Equal(
            "vm | 2026-01-01T12:00:00.250Z one\nvm | 2026-01-01T12:00:01.250Z two\nvm | 2026-01-01T12:00:02.250Z no end\n",
            Print(new() { Timestamps = true }, "on", "e\r\ntwo\n", "no end"));

    [Fact]
    public void Only_lines_that_match_are_shown() =>
        Assert.Equal("vm | panic: 1\nvm | panic: 2\n", Print(new() { Grep = new Regex("^pan.c", RegexOptions.NonBacktracking) }, "panic: 1\r\nfine\r\npan", "ic: 2"));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Colours_are_no_part_of_a_line_that_is_looked_for_wherever_it_goes(bool harmless) =>
        Assert.Equal(
            harmless ? "vm | [  OK  ] up\n" : "vm | [  \u001b[32mOK\u001b[0m  ] up\n",
            Print(new() { Grep = new Regex(@"^\[  OK", RegexOptions.NonBacktracking), Harmless = harmless }, "[  \u001b[32mOK\u001b[0m  ] up\r\n[FAIL] down\r\n"));

    [Fact]
    public void A_file_that_is_there_is_not_written_over()
    {
        File.WriteAllText(_path, "mine");

        Assert.Contains("is there already", Assert.Throws<CliException>(() => new LogSink(_path)).Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_path));
    }

    [Fact]
    public void A_file_is_made_when_it_is_opened_and_not_before()
    {
        using (new LogSink(_path))
        {
        }

        Assert.False(File.Exists(_path));
        Assert.Equal("", Print(new()));
        Assert.True(File.Exists(_path));
    }

    [Fact]
    public void On_a_terminal_lines_are_harmless_also_where_pieces_are_cut_in_an_escape() =>
        Assert.Equal("vm | red\n", Print(new() { Names = true, Harmless = true }, "\u001b[3", "1mred\u001b[", "0m\r\n"));

    [Theory]
    [InlineData("vm00040", "65 done\n", "vm | vm00040\nvm | 65 done\n")]
    [InlineData("red \u001b]0;", "title\n", "vm | red \nvm | title\n")]
    public void What_follows_a_gap_is_a_line_of_its_own(string before, string behind, string shown)
    {
        using (var sink = new LogSink(_path))
        {
            var printer = new LogPrinter(new() { Names = true, Harmless = true }, "vm | ", sink);
            printer.Write(Encoding.UTF8.GetBytes(before), null);
            printer.Finish();
            printer.Write(Encoding.UTF8.GetBytes(behind), null);
            printer.Finish();
        }

        Assert.Equal(shown, File.ReadAllText(_path));
    }

    [Fact]
    public void A_line_without_an_end_is_shown_in_parts() =>
        Assert.Equal(
            $"vm | {new string('x', 64 << 10)}\nvm | {new string('x', 100)}\n",
            Print(new() { Names = true }, new string('x', 40_000), new string('x', (64 << 10) + 100 - 40_000)));

    private string Print(LogLayout layout, params string[] pieces)
    {
        File.Delete(_path);
        using (var sink = new LogSink(_path))
        {
            var printer = new LogPrinter(layout, layout.ByLine ? "vm | " : "", sink);
            foreach (var (index, piece) in pieces.Index())
                printer.Write(Encoding.UTF8.GetBytes(piece), Noon + TimeSpan.FromSeconds(index));
            printer.Finish();
            sink.Open();
        }

        return File.ReadAllText(_path);
    }
}
