using VmHost.Cli.Commands;

namespace VmHost.Cli.Tests;

public sealed class FilterSyntaxTests
{
    [Theory]
    [InlineData("state=running", "state = \"running\"")]
    [InlineData("status=running", "state = \"running\"")]
    [InlineData("name=web", "name = \"web\"")]
    [InlineData("label=env", "labels.env:*")]
    [InlineData("label=env=prod", "labels.env = \"prod\"")]
    [InlineData("name:we AND state != failed", "name:we AND state != failed")]
    public void A_filter_is_dockers_or_the_APIs(string text, string filter) => Assert.Equal(filter, FilterSyntax.Compose([text], []));

    [Theory]
    [InlineData("env=prod", "labels.env = \"prod\"")]
    [InlineData("env==prod", "labels.env = \"prod\"")]
    [InlineData("env!=prod,tier", "labels.env != \"prod\" AND labels.tier:*")]
    public void A_selector_is_kubectls(string text, string filter) => Assert.Equal(filter, FilterSyntax.Compose([], [text]));
}
