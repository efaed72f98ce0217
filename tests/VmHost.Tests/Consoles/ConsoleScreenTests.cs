using System.Text;
using CsCheck;
using VmHost.Consoles.Screen;

namespace VmHost.Tests.Consoles;

public sealed class ConsoleScreenTests
{
    // A screen of 10 by 4; rows are told apart by '|', \e stands for ESC. What is expected was worked out from ECMA-48 and the
    // VT510 manual, not read off this code.
    [Theory]
    [InlineData("plain", "plain|||")]
    [InlineData("one\r\ntwo", "one|two||")]
    [InlineData("one\ntwo", "one|   two||")]
    [InlineData("1\r\n2\r\n3\r\n4\r\n5", "2|3|4|5")]
    [InlineData("0123456789ab", "0123456789|ab||")]
    [InlineData("0123456789\r\nab", "0123456789|ab||")]
    [InlineData("0123456789\rX", "X123456789|||")]
    [InlineData("\\e[?7l0123456789ab", "012345678b|||")]
    [InlineData("abc\b\bX", "aXc|||")]
    [InlineData("a\tb", "a       b|||")]
    [InlineData("\\e[31;1mred\\e[0m", "red|||")]
    [InlineData("\\e[2;3Hx", "|  x||")]
    [InlineData("\\e[99;99Hx", "|||         x")]
    [InlineData("\\e[Hx\\e[3dy", "x|| y|")]
    [InlineData("abc\\e[Dx\\e[2Cy", "abx  y|||")]
    [InlineData("ab\\e[2Bc\\e[Ad", "ab|   d|  c|")]
    [InlineData("abcdef\\e[3G\\e[K", "ab|||")]
    [InlineData("abcdef\\e[3G\\e[1K", "   def|||")]
    [InlineData("abcdef\\e[2K", "|||")]
    [InlineData("1\r\n2\r\n3\\e[2;1H\\e[J", "1|||")]
    [InlineData("1\r\n2\r\n3\\e[2;1H\\e[1J", "||3|")]
    [InlineData("1\r\n2\\e[2J3", "| 3||")]
    [InlineData("abcdef\\e[2G\\e[2P", "adef|||")]
    [InlineData("abcdef\\e[2G\\e[2@", "a  bcdef|||")]
    [InlineData("abcdef\\e[2G\\e[2X", "a  def|||")]
    [InlineData("1\r\n2\r\n3\\e[2;1H\\e[L", "1||2|3")]
    [InlineData("1\r\n2\r\n3\\e[1;1H\\e[M", "2|3||")]
    [InlineData("1\r\n2\r\n3\r\n4\\e[2;3r\\e[3;1H\nX", "1|3|X|4")]
    [InlineData("1\r\n2\r\n3\r\n4\\e[2;3r\\e[2;1H\\eMX", "1|X|2|4")]
    [InlineData("1\r\n2\r\n3\r\n4\\e[2S", "3|4||")]
    [InlineData("1\r\n2\r\n3\r\n4\\e[T", "|1|2|3")]
    [InlineData("ab\\e7\\e[4;4Hx\\e8c", "abc|||   x")]
    [InlineData("shell\\e[?1049h\\e[Heditor", "editor|||")]
    [InlineData("shell\\e[?1049h\\e[2;2Heditor\\e[?1049l$", "shell$|||")]
    [InlineData("\\e(0lqk\\e(Bq", "┌─┐q|||")]
    [InlineData("\\e]0;title\u0007x\\eP1$q\\e\\y", "xy|||")]
    [InlineData("a\\e[3bc", "aaaac|||")]
    [InlineData("grün 日本", "grün 日本|||")]
    [InlineData("abc\\ecx", "x|||")]
    [InlineData("shell\\e[?1049heditor\\ecx\\e[?1049hy\\e[?1049lz", "xz|||")]
    [InlineData("\\e#8\\e[2;1H\\e[J", "EEEEEEEEEE|||")]
    [InlineData("\\e[2;3r\\e[?6h\\e[1;1Hx", "|x||")]
    [InlineData("\\e[6n\\e[c\\e[?25lx", "x|||")]
    [InlineData("ab\\e[3\u0018Cx", "abCx|||")]
    [InlineData("ab\\e[3\u001aCx", "abCx|||")]
    [InlineData("ab\\e\u0018cx", "abcx|||")]
    [InlineData("ab\\e]0;title\u0018x\\e\\y", "abxy|||")]
    [InlineData("ab\\eP1$q\u001ax", "abx|||")]
    public void It_shows_what_a_terminal_would(string output, string shown)
    {
        var bytes = Encoding.UTF8.GetBytes(output.Replace("\\e", "\u001b", StringComparison.Ordinal));

        Assert.Equal(shown, Show(bytes, bytes.Length));

        // However the output is cut.
        Assert.Equal(shown, Show(bytes, 1));
    }

    [Fact]
    public void Whatever_comes_it_stays_a_screen_of_its_size() =>
        Gen.Frequency((3, Gen.Int[0, Corners.Length - 1].Select(index => Corners[index])), (1, Gen.Byte)).Array[0, 200].Sample(output =>
        {
            var screen = new ConsoleScreen(7, 3);
            screen.Feed(output);
            return screen.Lines.Count() == 3 && screen.CursorColumn is >= 0 and < 7 && screen.CursorRow is >= 0 and < 3
                && screen.Lines.All(line => line.EnumerateRunes().Count() <= 7 && !line.Any(char.IsControl));
        });

    private static readonly byte[] Corners = [0x1b, .. "[?;#(0123456789AHJKLMPrSThlm\r\n\b\t"u8, 0xe2, 0x94, 0x80];

    private static string Show(byte[] output, int size)
    {
        var screen = new ConsoleScreen(10, 4);
        foreach (var part in output.Chunk(Math.Max(1, size)))
            screen.Feed(part);
        return string.Join('|', screen.Lines);
    }
}
