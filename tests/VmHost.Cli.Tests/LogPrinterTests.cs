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

    [Fact]
    public void On_a_terminal_lines_are_harmless_also_where_pieces_are_cut_in_an_escape() =>
        Assert.Equal("vm | red\n", Print(new() { Names = true, Harmless = true }, "\u001b[3", "1mred\u001b[", "0m\r\n"));

    [Fact]
    public void A_line_without_an_end_is_shown_in_parts() =>
        Assert.Equal(
            $"vm | {new string('x', 64 << 10)}\nvm | {new string('x', 100)}\n",
            Print(new() { Names = true }, new string('x', 40_000), new string('x', (64 << 10) + 100 - 40_000)));

    private string Print(LogLayout layout, params string[] pieces)
    {
        using (var sink = new LogSink(File.Create(_path)))
        {
            var printer = new LogPrinter(layout, layout.ByLine ? "vm | " : "", sink);
            foreach (var (index, piece) in pieces.Index())
                printer.Write(Encoding.UTF8.GetBytes(piece), Noon + TimeSpan.FromSeconds(index));
            printer.Finish();
        }

        return File.ReadAllText(_path);
    }
}
