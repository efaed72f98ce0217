using CsCheck;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class QuotedTests
{
    [Theory]
    [InlineData("/images/r\u00e9dis", "'/images/r\u00e9dis'")]
    [InlineData("/a\nb", @"'/a\u{a}b'")]
    [InlineData("\u2028", @"'\u{2028}'")]
    public void Letters_of_any_language_stay_and_what_moves_or_hides_is_escaped(string text, string shown) =>
        Assert.Equal(shown, Quoted.Text(text));

    // Not an InlineData: an attribute cannot hold it.
    [Fact]
    public void Half_a_surrogate_pair_is_escaped() => Assert.Equal(@"'\u{d83d}'", Quoted.Text("\ud83d"));

    [Fact]
    public void A_long_text_keeps_its_ends()
    {
        var shown = Quoted.Text("/begin" + new string('x', 5000) + "end");

        Assert.StartsWith("'/begin", shown, StringComparison.Ordinal);
        Assert.Contains("x...x", shown, StringComparison.Ordinal);
        Assert.EndsWith("end'", shown, StringComparison.Ordinal);
        Assert.Equal(Quoted.MaxLength + 2, shown.Length);
    }

    [Fact]
    public void Nothing_that_a_terminal_obeys_gets_through() =>
        Gen.String.Sample(
            text => Assert.DoesNotContain(Quoted.Text(text), static letter => char.IsControl(letter) || letter is '\u2028' or '\u2029'),
            iter: 2000);
}
