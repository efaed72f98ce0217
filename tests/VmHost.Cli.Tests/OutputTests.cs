using VmHost.Cli.Terminal;

namespace VmHost.Cli.Tests;

public sealed class OutputTests
{
    [Theory]
    [InlineData("plain grün 日本", "plain grün 日本")]
    [InlineData("a\tb\r\nc", "a b  c")]
    [InlineData("a\u001b[31mb\u009bc", "a?[31mb?c")]
    [InlineData("a\u202eb\u2066c\u2069d\u200ee", "a?b?c?d?e")]
    [InlineData("a\u200bb\ufeffc\u00add\u2028e\u2029f", "a?b?c?d?e?f")]
    public void Nothing_on_the_line_is_hidden_or_changes_its_direction(string text, string shown) =>
        Assert.Equal(shown, Output.Visible(text));
}
