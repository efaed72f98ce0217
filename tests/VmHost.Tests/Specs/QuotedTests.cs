using CsCheck;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class QuotedTests
{
    [Theory]
    [InlineData("plain", "'plain'")]
    [InlineData("größe 日本語", "'größe 日本語'")]
    [InlineData("a\u001b[2J", "'a\\u{1b}[2J'")]
    [InlineData("a\u009bb", "'a\\u{9b}b'")]
    [InlineData("a\u202eb", "'a\\u{202e}b'")]
    [InlineData("a\u2028b", "'a\\u{2028}b'")]
    [InlineData("a😀b", "'a😀b'")]
    public void What_does_not_show_is_escaped(string text, string expected) => Assert.Equal(expected, Quoted.Text(text));

    // No theory: an attribute cannot hold half a surrogate pair.
    [Fact]
    public void Half_a_surrogate_pair_is_escaped() => Assert.Equal("'a\\u{d800}b'", Quoted.Text("a\ud800b"));

    [Fact]
    public void A_look_alike_is_escaped_where_ascii_is_expected() => Assert.Equal("'r\\u{435}dis'", Quoted.Ascii("r\u0435dis"));

    [Fact]
    public void The_ends_of_a_long_text_are_shown()
    {
        var shown = Quoted.Text("start" + new string('x', 1000) + "end");

        Assert.Equal(102, shown.Length);
        Assert.StartsWith("'start", shown, StringComparison.Ordinal);
        Assert.EndsWith("end'", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_brings_a_control_character_through() =>
        Gen.String.Sample(text => !Quoted.Text(text).Any(char.IsControl) && Quoted.Ascii(text).All(char.IsAscii));
}
