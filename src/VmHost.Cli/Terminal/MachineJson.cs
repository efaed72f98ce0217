using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf.WellKnownTypes;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Terminal;

/// <summary>A machine as <c>-o json</c> and <c>inspect</c> show it.</summary>
internal sealed record MachineView(
    string Id, string Name, string State, string StateDetail, string? Hypervisor, int? Cpus, long? MemoryBytes, string? Kernel,
    string? Initrd, string? CommandLine, string? Uuid, string[] Ports, string? CreatedAt, string? StartedAt, int BootCount,
    int? HypervisorPid, int? ShimPid, ExitView? LastExit, string[]? Argv, DigestView[]? Digests)
{
    internal static MachineView Of(Machine machine) =>
        new(
            machine.Id,
            machine.Name,
            Describe.State(machine.State),
            machine.StateDetail,
            machine.Spec is { } spec ? Describe.Hypervisor(spec.Hypervisor) : null,
            machine.Spec?.CpuCount,
            machine.Spec?.MemoryBytes,
            machine.Spec?.Boot.KernelPath,
            machine.Spec?.Boot.HasInitrdPath == true ? machine.Spec.Boot.InitrdPath : null,
            machine.Spec?.Boot.CommandLine,
            machine.Spec?.Uuid,
            [.. machine.Spec?.PublishedPorts.Select(Describe.Port) ?? []],
            Time(machine.CreateTime),
            Time(machine.StartTime),
            machine.BootCount,
            machine.HasHypervisorPid ? machine.HypervisorPid : null,
            machine.HasShimPid ? machine.ShimPid : null,
            machine.LastExit is { } exit ? ExitView.Of(exit) : null,
            machine.Argv.Count > 0 ? [.. machine.Argv] : null,
            machine.Digests.Count > 0 ? [.. machine.Digests.Select(digest => new DigestView(digest.Path, digest.Sha256))] : null);

    internal static string? Time(Timestamp? time) => time?.ToDateTimeOffset().ToString("O", System.Globalization.CultureInfo.InvariantCulture);
}

internal sealed record ExitView(
    string Reason, int? Code, int? Signal, int Boot, double? RanForSeconds, string? EndedAt, string Detail, string ConsoleTail, string HypervisorLogTail)
{
    internal static ExitView Of(MachineExit exit) =>
        new(
            Describe.Reason(exit.Reason),
            exit.HasCode ? exit.Code : null,
            exit.HasSignal ? exit.Signal : null,
            exit.Boot,
            exit.RanFor?.ToTimeSpan().TotalSeconds,
            MachineView.Time(exit.EndTime),
            exit.Detail,
            Encoding.UTF8.GetString(exit.ConsoleTail.Span),
            Encoding.UTF8.GetString(exit.HypervisorLogTail.Span));
}

internal sealed record DigestView(string Path, string Sha256);

internal sealed record VersionView(string Client, string Server);

[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MachineView))]
[JsonSerializable(typeof(MachineView[]))]
[JsonSerializable(typeof(VersionView))]
internal sealed partial class MachineJson : JsonSerializerContext
{
    internal static string Of(Machine machine) => JsonSerializer.Serialize(Terminal.MachineView.Of(machine), Default.MachineView);

    internal static string Of(IEnumerable<Machine> machines) =>
        JsonSerializer.Serialize([.. machines.Select(Terminal.MachineView.Of)], Default.MachineViewArray);
}
