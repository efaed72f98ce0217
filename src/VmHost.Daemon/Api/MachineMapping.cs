using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using VmHost.Consoles.Screen;
using VmHost.Hypervisors;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.State;

namespace VmHost.Daemon.Api;

/// <summary>From the engine's values to messages.</summary>
internal static class MachineMapping
{
    // Asked for once: the system looks it up each time.
    private static readonly string Owner = Environment.UserName;

    internal static Protocol.V1.Machine ToProto(MachineSnapshot snapshot)
    {
        var machine = new Protocol.V1.Machine
        {
            Id = snapshot.Id,
            Name = snapshot.Name,
            State = ToProto(snapshot.State),
            StateDetail = snapshot.StateDetail,
            Pause = snapshot.Pause is { } pause ? new() { Cause = ToProto(pause.Kind), Device = pause.Device, Text = pause.Text } : null,
            CreateTime = snapshot.CreatedAt is { } created ? Timestamp.FromDateTimeOffset(created) : null,
            StartTime = snapshot.Boot is { } boot ? Timestamp.FromDateTimeOffset(boot.StartedAt) : null,
            BootCount = snapshot.Boot?.Number ?? 0,
            LastExit = snapshot.LastExit is { } exit ? ToProto(exit) : null,
            Spec = snapshot.Spec is { } spec ? ToProto(spec, snapshot.Boot) : null,
            RestartPolicy = new() { Mode = ToProto(snapshot.Restart.Mode), MaxRetries = snapshot.Restart.MaxRetries },
            RestartAttempts = snapshot.Retry?.Attempts ?? 0,
            NextStartTime = snapshot.Retry?.NextAt is { } next ? Timestamp.FromDateTimeOffset(next) : null,
            Owner = Owner,
            Etag = ETag.Of(snapshot),
            PendingSpec = snapshot.PendingSpec is { } pending ? ToProto(pending, boot: null) : null,
            PendingSpecProblem = snapshot.PendingProblem ?? "",
        };
        machine.Ports.AddRange(snapshot.Spec?.PublishedPorts.Select(port => ToStatus(port, snapshot)) ?? []);
        machine.Labels.Add(snapshot.Labels);
        machine.Annotations.Add(snapshot.Annotations);
        if (snapshot.HypervisorPid is { } hypervisor)
            machine.HypervisorPid = hypervisor;
        if (snapshot.ShimPid is { } shim)
            machine.ShimPid = shim;
        return machine;
    }

    /// <summary>As a list has a machine.</summary>
    internal static Protocol.V1.Machine ToProto(MachineSnapshot snapshot, MachineView view)
    {
        var machine = ToProto(snapshot);
        if (view == MachineView.Full)
            return machine;

        if (machine.Spec is { } spec)
        {
            spec.Boot = null;
            spec.Disks.Clear();
            spec.CdromPaths.Clear();
        }

        if (machine.LastExit is { } exit)
            (exit.ConsoleTail, exit.HypervisorLogTail) = (ByteString.Empty, ByteString.Empty);

        machine.PendingSpec = null;
        machine.Annotations.Clear();
        return machine;
    }

    internal static Protocol.V1.Machine ToDetailedProto(MachineSnapshot snapshot)
    {
        var machine = ToProto(snapshot);
        if (snapshot.Boot is { } boot)
        {
            machine.Argv.Add(boot.Executable);
            machine.Argv.AddRange(boot.Arguments);
        }

        if (snapshot.LastExit is { } exit)
            machine.LastExit.LastScreen.AddRange(ConsoleScreen.LinesOf(exit.ConsoleTail));

        machine.Digests.AddRange(snapshot.Digests.Select(digest => new FileDigest { Path = digest.Path, Sha256 = digest.Sha256 }));
        return machine;
    }

    internal static PlanMachineResponse ToProto(PlanResult result) =>
        new()
        {
            Hypervisor = ToProto(result.Hypervisor),
            Executable = result.Plan.Executable,
            Argv = { result.Plan.Arguments.Prepend(result.Plan.Executable) },
            Warnings = { result.Plan.Warnings },
            RunTimePaths = { result.Plan.RunTimePaths },
            Options = { result.Plan.Options.Select(option => new Protocol.V1.PlanOption { Words = { option.Words }, Reason = option.Reason, ForControl = option.ForControl }) },
            Links = { result.Plan.Links.Select(link => new Protocol.V1.PlanLink { Path = link.Path, Target = link.Target }) },
        };

    internal static Protocol.V1.Hypervisor ToProto(HypervisorFacts facts) =>
        new()
        {
            Kind = ToProto(facts.Kind),
            Path = facts.Path ?? "",
            Version = facts.Version ?? "",
            Accelerator = facts is QemuFacts qemu ? qemu.Accelerator : "",
            Problem = facts.Problem ?? "",
        };

    private static Protocol.V1.MachineSpec ToProto(Specs.MachineSpec spec, BootRecord? boot)
    {
        var files = new BootSource { KernelPath = spec.Boot.KernelPath, CommandLine = spec.Boot.CommandLine };
        if (spec.Boot.TriplePrefix is { } prefix)
            files.TriplePrefix = prefix;
        if (spec.Boot.InitrdPath is { } initrd)
            files.InitrdPath = initrd;

        var machine = new Protocol.V1.MachineSpec
        {
            Boot = files,
            CpuCount = spec.CpuCount,
            MemoryBytes = spec.Memory.Bytes,
            PublishedPorts = { spec.PublishedPorts.Select(ToProto) },
            Hypervisor = ToProto(boot?.Hypervisor ?? spec.Hypervisor),
            Uuid = spec.Uuid.ToString("D"),
            Networks = { ToProto(spec.Network) },
            Disks = { spec.Disks.Select(disk => new Protocol.V1.Disk { Path = disk.Path, Format = disk.Format == Specs.DiskFormat.Qcow2 ? Protocol.V1.DiskFormat.Qcow2 : Protocol.V1.DiskFormat.Raw, ReadOnly = disk.ReadOnly }) },
            CdromPaths = { spec.CdromPaths },
            OnReboot = spec.OnReboot == Specs.RebootAction.Stop ? Protocol.V1.RebootAction.Stop : Protocol.V1.RebootAction.Restart,
        };
        if (spec.SecondSerialPath is { } serial)
            machine.SecondSerialPath = serial;
        return machine;
    }

    private static Protocol.V1.Network ToProto(Specs.Network network)
    {
        var result = new Protocol.V1.Network
        {
            Mode = network.Mode switch
            {
                Specs.NetworkMode.None => Protocol.V1.NetworkMode.None,
                Specs.NetworkMode.Vpnkit => Protocol.V1.NetworkMode.Vpnkit,
                _ => Protocol.V1.NetworkMode.Nat,
            },
        };
        if (network.MacAddress is { } mac)
            result.MacAddress = mac;
        if (network.VpnkitSocket is { } socket)
            result.VpnkitSocket = socket;
        return result;
    }

    private static Protocol.V1.PublishedPort ToProto(Specs.PublishedPort port) =>
        new()
        {
            HostAddress = port.HostAddress,
            HostPort = port.HostPort,
            GuestPort = port.GuestPort,
            Protocol = port.Protocol == Specs.PortProtocol.Udp ? Protocol.V1.PortProtocol.Udp : Protocol.V1.PortProtocol.Tcp,
        };

    // QEMU listens on all of them or does not start.
    private static PortStatus ToStatus(Specs.PublishedPort port, MachineSnapshot snapshot) =>
        new() { Port = ToProto(port), State = snapshot.HypervisorPid is not null && snapshot.State != VmHost.Machines.MachineState.Unknown ? PortState.Listening : PortState.Closed };

    internal static MachineExit ToProto(ExitSummary summary)
    {
        var exit = new MachineExit
        {
            Reason = ToProto(summary.Reason),
            Boot = summary.Boot,
            RanFor = summary.RanFor is { } ranFor ? Duration.FromTimeSpan(ranFor) : null,
            EndTime = Timestamp.FromDateTimeOffset(summary.EndedAt),
            Detail = summary.Detail,
            ConsoleTail = UnsafeByteOperations.UnsafeWrap(summary.ConsoleTail),
            HypervisorLogTail = UnsafeByteOperations.UnsafeWrap(summary.HypervisorLogTail),
            GuestFault = ToProto(summary.Fault),
            Expected = summary.Expected,
        };
        if (summary.Code is { } code)
            exit.Code = code;
        if (summary.Signal is { } signal)
            exit.Signal = signal;
        return exit;
    }

    private static Protocol.V1.HypervisorKind ToProto(Specs.HypervisorKind kind) =>
        kind switch
        {
            Specs.HypervisorKind.Qemu => Protocol.V1.HypervisorKind.Qemu,
            Specs.HypervisorKind.Xhyve => Protocol.V1.HypervisorKind.Xhyve,
            Specs.HypervisorKind.HyperKit => Protocol.V1.HypervisorKind.Hyperkit,
            Specs.HypervisorKind.Vfkit => Protocol.V1.HypervisorKind.Vfkit,
            _ => Protocol.V1.HypervisorKind.Unspecified,
        };

    internal static Protocol.V1.MachineState ToProto(Machines.MachineState state) =>
        state switch
        {
            Machines.MachineState.Created => Protocol.V1.MachineState.Created,
            Machines.MachineState.Starting => Protocol.V1.MachineState.Starting,
            Machines.MachineState.Running => Protocol.V1.MachineState.Running,
            Machines.MachineState.Paused => Protocol.V1.MachineState.Paused,
            Machines.MachineState.Stopping => Protocol.V1.MachineState.Stopping,
            Machines.MachineState.Backoff => Protocol.V1.MachineState.Backoff,
            Machines.MachineState.Stopped => Protocol.V1.MachineState.Stopped,
            Machines.MachineState.Failed => Protocol.V1.MachineState.Failed,
            Machines.MachineState.Unknown => Protocol.V1.MachineState.Unknown,
            _ => Protocol.V1.MachineState.Unspecified,
        };

    private static Protocol.V1.PauseCause ToProto(PauseKind kind) =>
        kind switch
        {
            PauseKind.IoError => Protocol.V1.PauseCause.IoError,
            PauseKind.External => Protocol.V1.PauseCause.External,
            PauseKind.Hypervisor => Protocol.V1.PauseCause.Hypervisor,
            _ => Protocol.V1.PauseCause.Requested,
        };

    internal static Protocol.V1.GuestFault ToProto(Hypervisors.GuestFault fault) =>
        fault switch
        {
            Hypervisors.GuestFault.DamagedInitrd => Protocol.V1.GuestFault.DamagedInitrd,
            Hypervisors.GuestFault.NoInit => Protocol.V1.GuestFault.NoInit,
            Hypervisors.GuestFault.NoRootDevice => Protocol.V1.GuestFault.NoRootDevice,
            Hypervisors.GuestFault.OutOfMemory => Protocol.V1.GuestFault.OutOfMemory,
            Hypervisors.GuestFault.InitEnded => Protocol.V1.GuestFault.InitEnded,
            Hypervisors.GuestFault.Panic => Protocol.V1.GuestFault.Panic,
            _ => Protocol.V1.GuestFault.Unspecified,
        };

    private static Protocol.V1.RestartMode ToProto(Specs.RestartMode mode) =>
        mode switch
        {
            Specs.RestartMode.OnFailure => Protocol.V1.RestartMode.OnFailure,
            Specs.RestartMode.Always => Protocol.V1.RestartMode.Always,
            Specs.RestartMode.UnlessStopped => Protocol.V1.RestartMode.UnlessStopped,
            _ => Protocol.V1.RestartMode.No,
        };

    internal static Protocol.V1.ExitReason ToProto(Hypervisors.ExitReason reason) =>
        reason switch
        {
            Hypervisors.ExitReason.PowerOff => Protocol.V1.ExitReason.PowerOff,
            Hypervisors.ExitReason.Halt => Protocol.V1.ExitReason.Halt,
            Hypervisors.ExitReason.Reset => Protocol.V1.ExitReason.Reset,
            Hypervisors.ExitReason.Panic => Protocol.V1.ExitReason.Panic,
            Hypervisors.ExitReason.TripleFault => Protocol.V1.ExitReason.TripleFault,
            Hypervisors.ExitReason.Killed => Protocol.V1.ExitReason.Killed,
            Hypervisors.ExitReason.StartFailed => Protocol.V1.ExitReason.StartFailed,
            Hypervisors.ExitReason.HypervisorError => Protocol.V1.ExitReason.HypervisorError,
            Hypervisors.ExitReason.ShimLost => Protocol.V1.ExitReason.ShimLost,
            Hypervisors.ExitReason.HostRebooted => Protocol.V1.ExitReason.HostRebooted,
            _ => Protocol.V1.ExitReason.Unknown,
        };
}
