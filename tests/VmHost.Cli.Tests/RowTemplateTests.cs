using VmHost.Cli.Terminal;

namespace VmHost.Cli.Tests;

public sealed class RowTemplateTests
{
    private static readonly string[] Fields = ["Name", "State"];

    private static readonly Dictionary<string, string>[] Rows =
    [
        new() { ["Name"] = "redis", ["State"] = "running" },
        new() { ["Name"] = "w\u001b[2J", ["State"] = "stopped" },
    ];

    [Theory]
    [InlineData("{{.Name}}", "redis|w?[2J")]
    [InlineData("{{ .Name }}={{.state}}", "redis=running|w?[2J=stopped")]
    [InlineData("{{.Name}}\\t{{.State}}", "redis\trunning|w?[2J\tstopped")]
    [InlineData("plain", "plain|plain")]
    [InlineData("{{json .Name}}", "<Name>|<Name>")]
    [InlineData("{{json .}}", "<>|<>")]
    [InlineData("table {{.Name}}\\t{{.State}}", "NAME   STATE|redis  running|w?[2J  stopped")]
    public void A_template_makes_a_line_of_each_row(string template, string lines) =>
        Assert.Equal(lines, string.Join('|', RowTemplate.Parse("--format", template, Fields).Lines(Rows, static (row, field) => row[field], static (_, field) => $"<{field}>")));

    [Theory]
    [InlineData("{{.Image}}", "there is no field 'Image'; the fields are Name, State")]
    [InlineData("{{upper .Name}}", "there is no function 'upper'; the only one is json")]
    [InlineData("{{Name}}", "there is no function 'Name'")]
    [InlineData("{{json .Image}}", "there is no field 'Image'")]
    [InlineData("{{.Name", "has no }}")]
    [InlineData("{{}}", "is not a field")]
    [InlineData("{{. Name}}", "is not a field")]
    public void What_is_not_a_template_is_a_usage_error(string template, string problem)
    {
        var error = Assert.Throws<CliException>(() => RowTemplate.Parse("--format", template, Fields));

        Assert.Equal(ExitCodes.Usage, error.ExitCode);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }
}
