using System.Collections.Immutable;
using VmHost.Posix;
using VmHost.ShimContract.Journal;

namespace VmHost.ShimContract.Records;

/// <summary>What one boot runs: written by the daemon before the spawn, read by the shim.</summary>
public sealed record LaunchRecord
{
    /// <summary>
    /// The number that a monitor's descriptor gets in the hypervisor: the one after the machine's lock, so that no other
    /// descriptor of the shim lies between.
    /// </summary>
    public const int MonitorNumber = 4;

    public required string MachineId { get; init; }

    /// <summary>From 1.</summary>
    public required int Boot { get; init; }

    /// <summary>Random; marks the run.json and exit.json of this launch and no other.</summary>
    public required string Nonce { get; init; }

    /// <summary>This boot of the host.</summary>
    public required string HostBootId { get; init; }

    /// <summary>Absolute path.</summary>
    public required string Executable { get; init; }

    /// <summary>What follows the program name.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>
    /// True where the hypervisor writes the console to fd 1 (QEMU); false where it does to fd 0 and fd 1 is for
    /// messages (xhyve, HyperKit).
    /// </summary>
    public required bool ConsoleOnStandardOutput { get; init; }

    /// <summary>Where the shim listens; absolute, at most 103 bytes.</summary>
    public required string ControlSocket { get; init; }

    public required JournalLimits Journal { get; init; }

    /// <summary>
    /// The number under which the hypervisor inherits a socket for its QMP monitor (<see cref="MonitorNumber"/>), whose other
    /// end the shim serves; null for none.
    /// </summary>
    public int? MonitorDescriptor { get; init; }

    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string directory) =>
        AtomicFile.Replace(Path.Combine(directory, RecordFile.Launch), RecordFile.ToJson(json =>
        {
            json.WriteString("machine", MachineId);
            json.WriteNumber("boot", Boot);
            json.WriteString("nonce", Nonce);
            json.WriteString("host_boot_id", HostBootId);
            json.WriteString("executable", Executable);
            json.WriteStartArray("arguments");
            foreach (var argument in Arguments)
                json.WriteStringValue(argument);
            json.WriteEndArray();
            json.WriteBoolean("console_on_stdout", ConsoleOnStandardOutput);
            json.WriteString("control_socket", ControlSocket);
            json.WriteNumber("journal_total_bytes", Journal.TotalBytes);
            json.WriteNumber("journal_segment_bytes", Journal.SegmentBytes);
            if (MonitorDescriptor is { } monitor)
                json.WriteNumber("monitor_descriptor", monitor);
        }));

    /// <exception cref="IOException">There is none, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static LaunchRecord Load(string directory) =>
        RecordFile.FromJson(Path.Combine(directory, RecordFile.Launch), json => new LaunchRecord
        {
            MachineId = json.GetProperty("machine").GetString()!,
            Boot = json.GetProperty("boot").GetInt32(),
            Nonce = json.GetProperty("nonce").GetString()!,
            HostBootId = json.GetProperty("host_boot_id").GetString()!,
            Executable = json.GetProperty("executable").GetString()!,
            Arguments = [.. json.GetProperty("arguments").EnumerateArray().Select(item => item.GetString()!)],
            ConsoleOnStandardOutput = json.GetProperty("console_on_stdout").GetBoolean(),
            ControlSocket = json.GetProperty("control_socket").GetString()!,
            Journal = new(
                json.GetProperty("journal_total_bytes").GetInt64(),
                json.GetProperty("journal_segment_bytes").GetInt64()),
            MonitorDescriptor = json.TryGetProperty("monitor_descriptor", out var monitor) ? monitor.GetInt32() : null,
        });
}
