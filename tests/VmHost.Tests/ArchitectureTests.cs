using System.Text.RegularExpressions;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnitV3;
using VmHost.TestKit;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace VmHost.Tests;

/// <summary>The arrows of src/README.md: in the engine, upper may use lower only.</summary>
public sealed partial class ArchitectureTests
{
    private const string Impure = @"^(System\.(IO|Threading|Net|Diagnostics\.Process)\.|System\.(TimeProvider|Random|Environment)$|Microsoft\.Extensions\.Logging)";

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

    // Else a machine's life would not be a pure function, and could not be simulated.
    [Fact]
    public void The_life_of_a_machine_knows_no_clock_no_file_no_task_and_no_log() =>
        Types().That().ResideInNamespaceMatching(@"^VmHost\.Machines\.Life(\.|$)")
            .Should().NotDependOnAny(Types(includeReferenced: true).That().HaveFullNameMatching(Impure))
            .Check(Engine);

    [Fact]
    public void The_loop_of_a_machine_is_impure_and_seen_to_be() =>
        Assert.ThrowsAny<Exception>(() =>
            Types().That().HaveFullName("VmHost.Machines.MachineLoop")
                .Should().NotDependOnAny(Types(includeReferenced: true).That().HaveFullNameMatching(Impure))
                .Check(Engine));

    // A task that no code awaits fails unseen. BackgroundTasks observes each that it starts.
    [Theory]
    [InlineData("VmHost")]
    [InlineData("VmHost.Daemon")]
    public void Background_work_is_started_in_one_place(string project)
    {
        var sources = Directory.GetFiles(Path.Combine(Repository.Root, "src", project), "*.cs", SearchOption.AllDirectories);
        Assert.NotEmpty(sources);
        Assert.Equal(
            project == "VmHost" ? ["BackgroundTasks.cs"] : [],
            sources.Where(static source => Discarded().IsMatch(File.ReadAllText(source))).Select(Path.GetFileName));
    }

    [GeneratedRegex(@"(^|\s)_ = (?!await )[^;=]*(Async\(|Task\.Run\(|Task\.Factory)|async void", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Discarded();

    [Fact]
    public void A_rule_that_is_broken_is_seen() =>
        Assert.ThrowsAny<Exception>(() =>
            Types().That().ResideInNamespaceMatching(@"^VmHost\.Machines(\.|$)")
                .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^VmHost\.Specs(\.|$)"))
                .Check(Engine));
}
