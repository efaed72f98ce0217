using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Terminal;

/// <summary>A machine as <c>-o json</c> and <c>inspect</c> show it.</summary>
internal sealed record MachineInfo(
    string Id, string Name, string State, string? StateDetail = null, string? Hypervisor = null, int? Cpus = null,
    long? MemoryBytes = null, string? Kernel = null, string? Initrd = null, string? CommandLine = null,
    string? Uuid = null, PortView[]? Ports = null, string? Network = null, string[]? Disks = null,
    string[]? Cdroms = null, string? SecondSerial = null, string? OnReboot = null, string? Restart = null,
    int? RestartAttempts = null, string? NextStartAt = null, string? CreatedAt = null, string? StartedAt = null,
    int? BootCount = null, int? HypervisorPid = null, int? ShimPid = null, ExitView? LastExit = null,
    string[]? Argv = null, DigestView[]? Digests = null, SortedDictionary<string, string>? Labels = null, SortedDictionary<string, string>? Annotations = null,
    string? Owner = null, string? Etag = null, PendingView? Pending = null)
{
    internal static MachineInfo Of(Machine machine) =>
        new(
            machine.Id,
            machine.Name,
            Describe.State(machine.State),
            machine.StateDetail.Length > 0 ? machine.StateDetail : null,
            machine.Spec is { } spec ? Describe.Hypervisor(spec.Hypervisor) : null,
            machine.Spec?.CpuCount,
            machine.Spec?.MemoryBytes,
            machine.Spec?.Boot?.KernelPath,
            machine.Spec?.Boot?.HasInitrdPath == true ? machine.Spec.Boot.InitrdPath : null,
            machine.Spec?.Boot?.CommandLine,
            machine.Spec?.Uuid,
            [.. machine.Spec?.PublishedPorts.Select(PortView.Of) ?? []],
            machine.Spec is { Networks: [var network, ..] } ? Describe.Network(network) : null,
            machine.Spec?.Disks.Count > 0 ? [.. machine.Spec.Disks.Select(Describe.Disk)] : null,
            machine.Spec?.CdromPaths.Count > 0 ? [.. machine.Spec.CdromPaths] : null,
            machine.Spec?.HasSecondSerialPath == true ? machine.Spec.SecondSerialPath : null,
            machine.Spec is null ? null : machine.Spec.OnReboot == RebootAction.Stop ? "stop" : "restart",
            Describe.Restart(machine.RestartPolicy),
            machine.RestartAttempts > 0 ? machine.RestartAttempts : null,
            Time(machine.NextStartTime),
            Time(machine.CreateTime),
            Time(machine.StartTime),
            machine.BootCount,
            machine.HasHypervisorPid ? machine.HypervisorPid : null,
            machine.HasShimPid ? machine.ShimPid : null,
            machine.LastExit is { } exit ? ExitView.Of(exit) : null,
            machine.Argv.Count > 0 ? [.. machine.Argv] : null,
            machine.Digests.Count > 0 ? [.. machine.Digests.Select(digest => new DigestView(digest.Path, digest.Sha256))] : null,
            Pairs(machine.Labels),
            Pairs(machine.Annotations),
            machine.Owner.Length > 0 ? machine.Owner : null,
            machine.Etag.Length > 0 ? machine.Etag : null,
            PendingView.Of(machine));

    /// <summary>All that is left to say of it.</summary>
    internal static MachineInfo OfDeleted(DeleteMachineResponse deleted) =>
        new(deleted.Id, deleted.Name, "deleted");

    private static SortedDictionary<string, string>? Pairs(MapField<string, string> pairs) =>
        pairs.Count > 0 ? new(pairs, StringComparer.Ordinal) : null;

    internal static string? Time(Timestamp? time) => time?.ToDateTimeOffset().ToString("O", System.Globalization.CultureInfo.InvariantCulture);
}

internal sealed record ExitView(
    string Reason, bool Expected, string? GuestFault, int? Code, int? Signal, int Boot, double? RanForSeconds, string? EndedAt, string Detail, string[] LastScreen, string ConsoleTail, string HypervisorLogTail)
{
    internal static ExitView Of(MachineExit exit) =>
        new(
            Describe.Reason(exit.Reason),
            exit.Expected,
            Describe.Fault(exit.GuestFault),
            exit.HasCode ? exit.Code : null,
            exit.HasSignal ? exit.Signal : null,
            exit.Boot,
            exit.RanFor?.ToTimeSpan().TotalSeconds,
            MachineInfo.Time(exit.EndTime),
            exit.Detail,
            [.. exit.LastScreen],
            Encoding.UTF8.GetString(exit.ConsoleTail.Span),
            Encoding.UTF8.GetString(exit.HypervisorLogTail.Span));
}

/// <summary>An event, for programs.</summary>
internal sealed record EventView(
    string Token, long Sequence, string? Time, string Kind, string? Id, string? Name, string? State, string? Detail, int? Boot,
    string? HaltStep, string? Reason, bool? Expected, string? GuestFault, int? Code, int? Signal)
{
    internal static EventView Of(Event happened, string token) =>
        new(
            token,
            happened.Sequence,
            MachineInfo.Time(happened.Time),
            JsonNamingPolicy.SnakeCaseLower.ConvertName(happened.Kind.ToString()),
            OrNull(happened.MachineId),
            OrNull(happened.MachineName),
            happened.State == MachineState.Unspecified ? null : Describe.State(happened.State),
            OrNull(happened.Detail),
            happened.Boot > 0 ? happened.Boot : null,
            happened.HaltStep == Protocol.V1.HaltStep.Unspecified ? null : JsonNamingPolicy.SnakeCaseLower.ConvertName(happened.HaltStep.ToString()),
            happened.Exit is { } exit ? Describe.Reason(exit.Reason) : null,
            happened.Exit?.Expected,
            happened.Exit is { } ended ? Describe.Fault(ended.GuestFault) : null,
            happened.Exit?.HasCode == true ? happened.Exit.Code : null,
            happened.Exit?.HasSignal == true ? happened.Exit.Signal : null);

    private static string? OrNull(string text) => text.Length > 0 ? text : null;
}

/// <summary>What the next boot takes, where that differs from what runs.</summary>
internal sealed record PendingView(int Cpus, long MemoryBytes, string? CommandLine, PortView[] Ports, string[] Disks, string? Problem)
{
    internal static PendingView? Of(Machine machine) =>
        machine.PendingSpec is { } spec
            ? new(
                spec.CpuCount,
                spec.MemoryBytes,
                spec.Boot?.CommandLine,
                [.. spec.PublishedPorts.Select(PortView.Of)],
                [.. spec.Disks.Select(Describe.Disk)],
                machine.PendingSpecProblem.Length > 0 ? machine.PendingSpecProblem : null)
            : null;
}

internal sealed record DigestView(string Path, string Sha256);

/// <param name="Client">Of vmctl.</param>
/// <param name="Server">Of the daemon; left out when it does not answer.</param>
internal sealed record VersionView(string Client, string? Server);

/// <summary>What a terminal would show.</summary>
internal sealed record ScreenView(string[] Lines, int CursorColumn, int CursorRow);

/// <summary>What would run.</summary>
internal sealed record PlanView(
    string Hypervisor, string Executable, string[] Argv, string[] Warnings, string[] RunTimePaths, PlanOptionView[] Options, PlanLinkView[] Links)
{
    internal static PlanView Of(PlanMachineResponse plan) =>
        new(
            Describe.Hypervisor(plan.Hypervisor),
            plan.Executable,
            [.. plan.Argv],
            [.. plan.Warnings],
            [.. plan.RunTimePaths],
            [.. plan.Options.Select(static option => new PlanOptionView([.. option.Words], option.Reason, option.ForControl))],
            [.. plan.Links.Select(static link => new PlanLinkView(link.Path, link.Target))]);
}

/// <summary>Words of the command line that belong together, with their reason.</summary>
internal sealed record PlanOptionView(string[] Words, string Reason, bool ForControl);

/// <summary>A link that is made before the start.</summary>
internal sealed record PlanLinkView(string Path, string Target);

/// <summary>A published port.</summary>
internal sealed record PortView(string HostAddress, int HostPort, int GuestPort, string Protocol)
{
    internal static PortView Of(PublishedPort port) =>
        new(port.HostAddress, port.HostPort, port.GuestPort, port.Protocol == PortProtocol.Udp ? "udp" : "tcp");
}

[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(MachineInfo))]
[JsonSerializable(typeof(MachineInfo[]))]
[JsonSerializable(typeof(VersionView))]
[JsonSerializable(typeof(PlanView))]
[JsonSerializable(typeof(FindingView[]))]
[JsonSerializable(typeof(BuildView))]
[JsonSerializable(typeof(KeptImageView[]))]
[JsonSerializable(typeof(EventView))]
[JsonSerializable(typeof(ScreenView))]
internal sealed partial class MachineJson : JsonSerializerContext
{
    // People read it too: quotes and plus signs stay what they are. Control characters are still escaped.
    private static readonly MachineJson Readable = Create(indented: true);

    private static readonly MachineJson OnOneLine = Create(indented: false);

    private static MachineJson Create(bool indented) => new(new()
    {
        WriteIndented = indented,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    internal static string LineOf(MachineInfo machine) => JsonSerializer.Serialize(machine, OnOneLine.MachineInfo);

    internal static string LineOf(string text) => JsonSerializer.Serialize(text, OnOneLine.String);

    internal static string LineOf(EventView happened) => JsonSerializer.Serialize(happened, OnOneLine.EventView);

    internal static string Of(MachineInfo machine) => JsonSerializer.Serialize(machine, Readable.MachineInfo);

    internal static string Of(MachineInfo[] machines) => JsonSerializer.Serialize(machines, Readable.MachineInfoArray);

    internal static string Of(VersionView version) => JsonSerializer.Serialize(version, Readable.VersionView);

    internal static string Of(ScreenView screen) => JsonSerializer.Serialize(screen, Readable.ScreenView);

    internal static string Of(PlanView plan) => JsonSerializer.Serialize(plan, Readable.PlanView);

    internal static string Of(BuildView build) => JsonSerializer.Serialize(build, Readable.BuildView);

    internal static string Of(KeptImageView[] images) => JsonSerializer.Serialize(images, Readable.KeptImageViewArray);

    internal static string Of(FindingView[] findings) => JsonSerializer.Serialize(findings, Readable.FindingViewArray);
}
