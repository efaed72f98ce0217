using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnitV3;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace VmHost.Tests;

/// <summary>The arrows of src/README.md: in the engine, upper may use lower only.</summary>
public sealed class ArchitectureTests
{
    private static readonly Architecture Engine = new ArchLoader().LoadAssemblies(typeof(VmHost.Machines.Machine).Assembly).Build();

    [Theory]
    [InlineData("Specs", "Hypervisors|Images|Networking|Consoles|State|Supervision|Machines")]
    [InlineData("Images", "Hypervisors|Networking|Consoles|State|Supervision|Machines")]
    [InlineData("Networking", "Hypervisors|Images|Consoles|State|Supervision|Machines")]
    [InlineData("Hypervisors", "Networking|Consoles|State|Supervision|Machines")]
    [InlineData("Consoles", "Hypervisors|Images|Networking|State|Supervision|Machines")]
    [InlineData("Supervision", "State|Machines")]
    [InlineData("State", "Supervision|Machines")]
    public void A_folder_does_not_look_up(string folder, string above) =>
        Types().That().ResideInNamespaceMatching($@"^VmHost\.{folder}(\.|$)")
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching($@"^VmHost\.({above})(\.|$)"))
            .Check(Engine);

    [Fact]
    public void The_engine_knows_neither_grpc_nor_aspnet() =>
        Assert.DoesNotContain(
            typeof(VmHost.Machines.Machine).Assembly.GetReferencedAssemblies(),
            reference => reference.Name!.StartsWith("Grpc", StringComparison.Ordinal) || reference.Name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));

    [Fact]
    public void A_rule_that_is_broken_is_seen() =>
        Assert.ThrowsAny<Exception>(() =>
            Types().That().ResideInNamespaceMatching(@"^VmHost\.Machines(\.|$)")
                .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^VmHost\.Specs(\.|$)"))
                .Check(Engine));
}
