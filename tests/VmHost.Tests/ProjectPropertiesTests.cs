using System.Xml.Linq;
using VmHost.TestKit;

namespace VmHost.Tests;

/// <summary>Settings of the programs that only the published ones show.</summary>
public sealed class ProjectPropertiesTests
{
    [Theory]
    [InlineData("VmHost.Daemon")]
    [InlineData("VmHost.Shim")]
    [InlineData("VmHost.Cli")]
    public void Messages_of_the_framework_are_texts_and_not_resource_keys(string project) =>
        Assert.Equal("false", Property(project, "UseSystemResourceKeys"));

    [Theory]
    [InlineData("VmHost.Daemon")]
    [InlineData("VmHost.Shim")]
    public void No_diagnostic_socket_is_opened(string project) => Assert.Equal("false", Property(project, "EventSourceSupport"));

    private static string? Property(string project, string name) =>
        XDocument.Load(Path.Combine(Repository.Root, "src", project, $"{project}.csproj")).Descendants(name).SingleOrDefault()?.Value;
}
