using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Hypervisors.Bhyve;

/// <summary>What a plan for xhyve or HyperKit is besides its options.</summary>
internal static class BhyvePlan
{
    internal static LaunchPlan Of(
        string executable, (ImmutableArray<PlanOption> Options, ImmutableArray<PlanLink> Links) commandLine, BootFiles boot) =>
        new()
        {
            Executable = executable,
            Options = commandLine.Options,
            ConsoleOnStandardOutput = false,   // the console is file 0 both ways; file 1 carries messages
            Links = commandLine.Links,
            RunTimePaths = [.. commandLine.Links.Select(link => link.Path)],
            Warnings = ConsoleArgument.Warnings(boot.CommandLine, "ttyS0"),
        };
}
