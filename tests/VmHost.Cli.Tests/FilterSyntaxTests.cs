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
    [InlineData("name=web AND state=running", "name=web AND state=running")]
    [InlineData("labels.env = \"two words\"", "labels.env = \"two words\"")]
    public void A_filter_is_dockers_or_the_APIs(string text, string filter) => Assert.Equal(filter, FilterSyntax.Compose([text], []));

    [Theory]
    [InlineData("state = running", true)]
    [InlineData("name:a AND state!=failed", true)]
    [InlineData("name = \"estate\"", false)]
    [InlineData("labels.tier = \"stateless\"", false)]
    [InlineData("labels.state:*", false)]
    [InlineData("", false)]
    public void A_filter_about_states_is_recognised(string filter, bool isAboutStates) => Assert.Equal(isAboutStates, FilterSyntax.SelectsStates(filter));

    [Theory]
    [InlineData("", null)]
    [InlineData(" ", null)]
    [InlineData(null, "")]
    [InlineData(null, "a,")]
    public void An_empty_filter_is_not_all_machines(string? filter, string? selector) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => FilterSyntax.Compose(filter is null ? [] : [filter], selector is null ? [] : [selector])).ExitCode);

    [Theory]
    [InlineData("env=prod", "labels.env = \"prod\"")]
    [InlineData("env==prod", "labels.env = \"prod\"")]
    [InlineData("env!=prod,tier", "labels.env != \"prod\" AND labels.tier:*")]
    public void A_selector_is_kubectls(string text, string filter) => Assert.Equal(filter, FilterSyntax.Compose([], [text]));
}
