using System.Collections.Immutable;

namespace VmHost.Hypervisors;

/// <summary>All that is needed to run a machine's next boot; made of values, so it can be shown without being run.</summary>
public sealed record LaunchPlan
{
    /// <summary>Absolute path of the hypervisor; its bare name where it was not found.</summary>
    public required string Executable { get; init; }

    /// <summary>The command line, option by option.</summary>
    public required ImmutableArray<PlanOption> Options { get; init; }

    /// <summary>What follows the program name, one argument each.</summary>
    public ImmutableArray<string> Arguments => [.. Options.SelectMany(option => option.Words)];

    /// <summary>True where it writes the console to fd 1, false where it does to fd 0.</summary>
    public required bool ConsoleOnStandardOutput { get; init; }

    /// <summary>The number under which it inherits a socket for its QMP monitor; null for a hypervisor without one.</summary>
    public int? MonitorDescriptor { get; init; }

    /// <summary>Those paths in the arguments that exist only while the machine runs.</summary>
    public ImmutableArray<string> RunTimePaths { get; init; } = [];

    /// <summary>Links in the arguments that are made before the start.</summary>
    public ImmutableArray<PlanLink> Links { get; init; } = [];

    /// <summary>What is allowed and probably not meant, a sentence each.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}

/// <summary>One option of a command line.</summary>
/// <param name="Words">The option and its value, one argument each.</param>
/// <param name="Reason">One sentence: why it is there.</param>
/// <param name="ForControl">Only there so that VmHost can control the hypervisor.</param>
public sealed record PlanOption(ImmutableArray<string> Words, string Reason, bool ForControl = false);

/// <summary>A link that stands for a file whose own path the hypervisor could not take.</summary>
/// <param name="Path">Absolute path of the link, in the machine's directory.</param>
/// <param name="Target">Absolute path of the file.</param>
public sealed record PlanLink(string Path, string Target);

/// <summary>Collects the options of a command line.</summary>
internal sealed class PlanOptions
{
    private readonly ImmutableArray<PlanOption>.Builder _options = ImmutableArray.CreateBuilder<PlanOption>();

    internal void Add(string reason, params ReadOnlySpan<string> words) => _options.Add(new([.. words], reason));

    /// <summary>One that a person who runs the hypervisor by hand leaves out.</summary>
    internal void AddForControl(string reason, params ReadOnlySpan<string> words) =>
        _options.Add(new([.. words], reason, ForControl: true));

    internal ImmutableArray<PlanOption> ToImmutable() => _options.ToImmutable();
}
