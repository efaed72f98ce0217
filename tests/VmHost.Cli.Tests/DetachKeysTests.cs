using System.Text;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Tests;

public sealed class DetachKeysTests
{
    [Theory]
    [InlineData("ls\r", "ls\r", false)]
    [InlineData("ls\u001d", "ls", true)]
    [InlineData("~.", "", true)]
    [InlineData("ls\r~.", "ls\r", true)]
    [InlineData("ls\n~.x", "ls\n", true)]
    [InlineData("ls ~.", "ls ~.", false)]
    [InlineData("~~.", "~.", false)]
    [InlineData("~/bin\r", "~/bin\r", false)]
    [InlineData("~\r~.", "~\r", true)]
    [InlineData("~\u001d", "", true)]
    [InlineData("a~b\r~c\r~", "a~b\r~c\r", false)]
    public void Keys_leave_only_where_they_are_to(string keys, string typed, bool leaves)
    {
        // However the input is cut into pieces.
        var bytes = Encoding.Latin1.GetBytes(keys);
        for (var cuts = 0; cuts < 1 << (bytes.Length - 1); cuts++)
            Assert.Equal((typed, leaves), Take(bytes, cuts));
    }

    [Fact]
    public void Whatever_is_typed_it_does_not_matter_how_it_is_cut()
    {
        const string alphabet = "~~..\r\na\u001d";
        var random = new Random(3);
        for (var round = 0; round < 2000; round++)
        {
            var keys = new byte[random.Next(1, 11)];
            for (var at = 0; at < keys.Length; at++)
                keys[at] = (byte)alphabet[random.Next(alphabet.Length)];

            var whole = Take(keys, cuts: 0);
            for (var cuts = 1; cuts < 1 << (keys.Length - 1); cuts++)
                Assert.Equal(whole, Take(keys, cuts));
        }
    }

    private static (string Typed, bool Leaves) Take(byte[] bytes, int cuts)
    {
        var keys = new DetachKeys();
        var typed = new StringBuilder();
        var begin = 0;
        for (var end = 1; end <= bytes.Length; end++)
        {
            if (end < bytes.Length && (cuts >> (end - 1) & 1) == 0)
                continue;

            var (data, leaves) = keys.Take(bytes.AsSpan(begin, end - begin));
            typed.Append(Encoding.Latin1.GetString(data.Span));
            if (leaves)
                return (typed.ToString(), true);

            begin = end;
        }

        return (typed.ToString(), false);
    }
}
