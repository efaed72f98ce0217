using System.Globalization;
using VmHost.Posix;

namespace VmHost.ShimContract.Records;

/// <summary>What runs: written by the shim once the hypervisor was started.</summary>
public sealed record RunRecord
{
    public required int Boot { get; init; }

    public required string Nonce { get; init; }

    public required string HostBootId { get; init; }

    public required int ShimPid { get; init; }

    public required long ShimStartTime { get; init; }

    /// <summary>Absolute path of the shim's program, and its version.</summary>
    public required string ShimPath { get; init; }

    public required string ShimVersion { get; init; }

    public required int HypervisorPid { get; init; }

    /// <summary>Together with the number it names the process for good (<see cref="Posix.ProcessIdentity"/>).</summary>
    public required long HypervisorStartTime { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    public required string ControlSocket { get; init; }

    /// <summary>Where this boot's output begins in the journal.</summary>
    public required long ConsoleBegin { get; init; }

    /// <summary>
    /// True if the shim makes its socket again on SIGUSR1 (<see cref="Posix.Signals.User1"/>). The signal ends every other shim.
    /// </summary>
    public bool SocketRecovery { get; init; }

    /// <summary>True if the shim serves the hypervisor's monitor (<see cref="Wire.FrameType.OpenMonitor"/>).</summary>
    public bool Monitor { get; init; }

    /// <summary>True if the shim takes <see cref="Wire.FrameType.InputAt"/>.</summary>
    public bool InputAt { get; init; }

    /// <summary>
    /// The lock file that the shim and the hypervisor hold: a record in another directory is a copy. Null where the shim
    /// is older than this field.
    /// </summary>
    public FileIdentity? LockFile { get; init; }

    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string directory) =>
        AtomicFile.Replace(Path.Combine(directory, RecordFile.Run), RecordFile.ToJson(json =>
        {
            json.WriteNumber("boot", Boot);
            json.WriteString("nonce", Nonce);
            json.WriteString("host_boot_id", HostBootId);
            json.WriteNumber("shim_pid", ShimPid);
            json.WriteNumber("shim_start_time", ShimStartTime);
            json.WriteString("shim_path", ShimPath);
            json.WriteString("shim_version", ShimVersion);
            json.WriteNumber("hypervisor_pid", HypervisorPid);
            json.WriteNumber("hypervisor_start_time", HypervisorStartTime);
            json.WriteString("started_at", StartedAt.ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("control_socket", ControlSocket);
            json.WriteNumber("console_begin", ConsoleBegin);
            if (SocketRecovery)
                json.WriteBoolean("socket_recovery", true);
            if (Monitor)
                json.WriteBoolean("monitor", true);
            if (InputAt)
                json.WriteBoolean("input_at", true);
            if (LockFile is { } file)
            {
                json.WriteNumber("lock_device", file.Device);
                json.WriteNumber("lock_inode", file.Inode);
            }
        }));

    /// <exception cref="IOException">There is none, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static RunRecord Load(string directory) =>
        RecordFile.FromJson(Path.Combine(directory, RecordFile.Run), json => new RunRecord
        {
            Boot = json.GetProperty("boot").GetInt32(),
            Nonce = json.GetProperty("nonce").GetString()!,
            HostBootId = json.GetProperty("host_boot_id").GetString()!,
            ShimPid = json.GetProperty("shim_pid").GetInt32(),
            ShimStartTime = json.GetProperty("shim_start_time").GetInt64(),
            ShimPath = json.GetProperty("shim_path").GetString()!,
            ShimVersion = json.GetProperty("shim_version").GetString()!,
            HypervisorPid = json.GetProperty("hypervisor_pid").GetInt32(),
            HypervisorStartTime = json.GetProperty("hypervisor_start_time").GetInt64(),
            StartedAt = json.GetProperty("started_at").GetDateTimeOffset(),
            ControlSocket = json.GetProperty("control_socket").GetString()!,
            ConsoleBegin = json.GetProperty("console_begin").GetInt64(),
            SocketRecovery = json.TryGetProperty("socket_recovery", out var recovery) && recovery.GetBoolean(),
            Monitor = json.TryGetProperty("monitor", out var monitor) && monitor.GetBoolean(),
            InputAt = json.TryGetProperty("input_at", out var inputAt) && inputAt.GetBoolean(),
            LockFile = json.TryGetProperty("lock_device", out var device) && json.TryGetProperty("lock_inode", out var inode)
                ? new FileIdentity(device.GetUInt64(), inode.GetUInt64())
                : null,
        });
}
