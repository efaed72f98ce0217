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
