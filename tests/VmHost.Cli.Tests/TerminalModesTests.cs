using System.Text;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Tests;

public sealed class TerminalModesTests
{
    private const string Plain = "\e[m\e(B\x0f\e[4l\e[?7h";

    [Theory]
    [InlineData("no escape", "")]
    [InlineData("\e[31mred", "")]
    [InlineData("\e[?1049h", "\e[?1049l")]
    [InlineData("\e[?1049h\e[?1049l", "")]
    [InlineData("\e[?25l", "\e[?25h")]
    [InlineData("\e[?25l\e[?25h", "")]
    [InlineData("\e[?1000;1006;25hx\e[?2004h", "\e[?1000l\e[?1006l\e[?2004l")]
    [InlineData("\e[?1h\e=\e[?1049h\e[?25l", "\e>\e[?1l\e[?1049l\e[?25h")]
    [InlineData("\e=\e>", "")]
    [InlineData("\e[2;20r", "\e7\e[r\e8")]
    [InlineData("\e[r\e[?1049h", "\e7\e[r\e8\e[?1049l")]
    [InlineData("\e[?1049h\e[?25l\ec", "")]
    [InlineData("\e[1049h\e[?1049x\e[?1049\e[?1049$p", "")]
    [InlineData("\e[?99999999999999999999h\e[?7h\e[?;;;;;;;;;;;;;;;;;;1049h", "")]
    public void What_is_on_is_put_back_however_the_output_is_cut(string output, string undone)
    {
        var bytes = Encoding.ASCII.GetBytes(output);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var modes = new TerminalModes();
            modes.Watch(bytes.AsSpan(0, cut));
            modes.Watch(bytes.AsSpan(cut));

            Assert.Equal(Plain + undone, Encoding.ASCII.GetString(modes.Undo()));
        }
    }
}
