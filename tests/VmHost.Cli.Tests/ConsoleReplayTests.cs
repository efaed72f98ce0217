using VmHost.Cli.Commands;

namespace VmHost.Cli.Tests;

public sealed class ConsoleReplayTests
{
    [Theory]
    [InlineData(0, 0, "", "", "")]
    [InlineData(4, 1, "boot\r\n/ # ", "boot", "/ #")]
    [InlineData(0, 1, "boot\r\n", "boot", "", "")]
    [InlineData(1, 1, "one\r\ntwo\r\e[1C", "one", "two")]
    [InlineData(2, 0, "one\r\n\r\ntwo\r\e[2A\e[2C", "one", "", "two", "")]
    [InlineData(0, 0, "one\r\ntwo\r\e[1A", "one", "two")]
    [InlineData(0, 0, "?[6n\r", "\e[6n")]
    public void A_screen_is_painted_with_the_cursor_in_its_place(int column, int row, string painted, params string[] lines) =>
        Assert.Equal(painted, ConsoleReplay.Picture(new() { Lines = { lines }, CursorColumn = column, CursorRow = row }));
}
