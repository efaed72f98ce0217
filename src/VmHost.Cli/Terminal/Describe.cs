using System.Globalization;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Terminal;

/// <summary>Words for what the protocol has as numbers.</summary>
internal static class Describe
{
    private const string DefaultAddress = "127.0.0.1";

    internal static string State(MachineState state) => state.ToString().ToLowerInvariant();

    internal static string Reason(ExitReason reason) =>
        reason switch
        {
            ExitReason.PowerOff => "power_off",
            ExitReason.TripleFault => "triple_fault",
            ExitReason.StartFailed => "start_failed",
            ExitReason.HypervisorError => "hypervisor_error",
            ExitReason.ShimLost => "shim_lost",
            ExitReason.HostRebooted => "host_rebooted",
            _ => reason.ToString().ToLowerInvariant(),
        };

    internal static string Hypervisor(HypervisorKind? kind) =>
        kind is { } known and not HypervisorKind.Unspecified ? known.ToString().ToLowerInvariant() : "-";

    internal static string Memory(long bytes) =>
        bytes != 0 && bytes % (1L << 30) == 0 ? Number(bytes >> 30) + "G" : Number(bytes >> 20) + "M";

    internal static string Port(PublishedPort port) =>
        string.Create(CultureInfo.InvariantCulture, $"{(port.HostAddress.Length > 0 ? port.HostAddress : DefaultAddress)}:{port.HostPort}->{port.GuestPort}/{(port.Protocol == PortProtocol.Udp ? "udp" : "tcp")}");

    internal static string Network(Network network) =>
        network.Mode switch
        {
            NetworkMode.None => "none",
            NetworkMode.Vpnkit => $"vpnkit={network.VpnkitSocket}",
            _ => "nat",
        };

    internal static string Disk(Disk disk) =>
        $"{disk.Path},format={(disk.Format == DiskFormat.Qcow2 ? "qcow2" : "raw")}{(disk.ReadOnly ? ",ro" : "")}";

    /// <summary>As it is typed: on-failure:3.</summary>
    internal static string Restart(RestartPolicy? policy) =>
        policy?.Mode switch
        {
            RestartMode.OnFailure => policy.MaxRetries > 0 ? string.Create(CultureInfo.InvariantCulture, $"on-failure:{policy.MaxRetries}") : "on-failure",
            RestartMode.Always => "always",
            RestartMode.UnlessStopped => "unless-stopped",
            _ => "no",
        };

    /// <summary>Null where nothing is known to be wrong.</summary>
    internal static string? Fault(GuestFault fault) =>
        fault switch
        {
            GuestFault.DamagedInitrd => "damaged_initrd",
            GuestFault.NoInit => "no_init",
            GuestFault.NoRootDevice => "no_root_device",
            GuestFault.OutOfMemory => "out_of_memory",
            GuestFault.InitEnded => "init_ended",
            GuestFault.Panic => "panic",
            _ => null,
        };

    /// <summary>What happened, in a word or two.</summary>
    internal static string EventKind(Event happened) =>
        happened.Kind switch
        {
            Protocol.V1.EventKind.DaemonStarted => "vmhostd started",
            Protocol.V1.EventKind.DaemonStopping => "vmhostd stops",
            Protocol.V1.EventKind.MachineCreated => "created",
            Protocol.V1.EventKind.MachineState => State(happened.State),
            Protocol.V1.EventKind.MachineHalting => HaltStep(happened.HaltStep),
            Protocol.V1.EventKind.MachineUpdated => "updated",
            Protocol.V1.EventKind.MachineDeleted => "deleted",
            _ => "something that this vmctl does not know",
        };

    internal static string HaltStep(HaltStep step) =>
        step switch
        {
            Protocol.V1.HaltStep.ButtonPressed => "halt: button",
            Protocol.V1.HaltStep.ButtonFailed => "halt: no button",
            Protocol.V1.HaltStep.LineTyped => "halt: typed",
            Protocol.V1.HaltStep.Killed => "halt: kill",
            Protocol.V1.HaltStep.Reaped => "halt: gone",
            Protocol.V1.HaltStep.GivenUp => "halt: given up",
            _ => "halt",
        };

    internal static string Exit(MachineExit? exit) =>
        exit switch
        {
            null => "-",
            { GuestFault: not (GuestFault.Unspecified or GuestFault.Panic) } => $"{Reason(exit.Reason)} ({Fault(exit.GuestFault)})",
            { HasSignal: true } => string.Create(CultureInfo.InvariantCulture, $"{Reason(exit.Reason)} (signal {exit.Signal})"),
            { HasCode: true } => string.Create(CultureInfo.InvariantCulture, $"{Reason(exit.Reason)} ({exit.Code})"),
            _ => Reason(exit.Reason),
        };

    internal static string Duration(TimeSpan time) =>
        time switch
        {
            { TotalSeconds: < 0 } => "0s",   // the clock was set back
            { TotalSeconds: < 120 } => Number((long)time.TotalSeconds) + "s",
            { TotalMinutes: < 120 } => Number((long)time.TotalMinutes) + "m",
            { TotalHours: < 48 } => Number((long)time.TotalHours) + "h",
            _ => Number((long)time.TotalDays) + "d",
        };

    /// <summary>How a machine ended, as the last line of a foreground run.</summary>
    internal static string End(Machine machine)
    {
        var exit = machine.LastExit;
        if (exit is null)
            return $"{machine.Name}: does not run, and nothing tells why";

        var after = exit.RanFor is { } ran ? string.Create(CultureInfo.InvariantCulture, $" after {ran.ToTimeSpan().TotalSeconds:0.0} s") : "";
        var why = exit.Reason is ExitReason.PowerOff or ExitReason.Halt || exit.Detail.Length == 0 ? "" : $": {exit.Detail}";
        return $"{machine.Name}: {Ended(exit)}{after}{why}";
    }

    private static string Ended(MachineExit exit) =>
        exit switch
        {
            { Reason: ExitReason.PowerOff } => "powered off",
            { Reason: ExitReason.Halt } => "halted",
            { Reason: ExitReason.Reset } => "reset itself",
            { Reason: ExitReason.Panic } => "panicked",
            { Reason: ExitReason.TripleFault } => "triple-faulted",
            { Reason: ExitReason.Killed, HasSignal: true } => string.Create(CultureInfo.InvariantCulture, $"killed by signal {exit.Signal}"),
            { Reason: ExitReason.Killed } => "killed",
            { Reason: ExitReason.StartFailed } => "never ran",
            { Reason: ExitReason.HypervisorError } => "ended by a failure of its hypervisor",
            { Reason: ExitReason.ShimLost } => "lost with its shim",
            { Reason: ExitReason.HostRebooted } => "ended by a reboot of the host",
            _ => "ended for no known reason",
        };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
