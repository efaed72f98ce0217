using System.Globalization;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Terminal;

/// <summary>Words for what the protocol has as numbers.</summary>
internal static class Describe
{
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
        bytes % (1L << 30) == 0 ? Number(bytes >> 30) + "G" : Number(bytes >> 20) + "M";

    internal static string Port(PublishedPort port) =>
        string.Create(CultureInfo.InvariantCulture, $"{port.HostAddress}:{port.HostPort}->{port.GuestPort}/{(port.Protocol == PortProtocol.Udp ? "udp" : "tcp")}");

    internal static string Exit(MachineExit? exit) =>
        exit switch
        {
            null => "-",
            { HasSignal: true } => string.Create(CultureInfo.InvariantCulture, $"{Reason(exit.Reason)} (signal {exit.Signal})"),
            { HasCode: true } => string.Create(CultureInfo.InvariantCulture, $"{Reason(exit.Reason)} ({exit.Code})"),
            _ => Reason(exit.Reason),
        };

    internal static string Duration(TimeSpan time) =>
        time switch
        {
            { TotalSeconds: < 120 } => Number((long)time.TotalSeconds) + "s",
            { TotalMinutes: < 120 } => Number((long)time.TotalMinutes) + "m",
            { TotalHours: < 48 } => Number((long)time.TotalHours) + "h",
            _ => Number((long)time.TotalDays) + "d",
        };

    /// <summary>How a machine ended, as the last line of a foreground run.</summary>
    internal static string End(Machine machine)
    {
        var exit = machine.LastExit;
        var after = exit.RanFor is { } ran ? string.Create(CultureInfo.InvariantCulture, $" after {ran.ToTimeSpan().TotalSeconds:0.0} s") : "";
        return $"{machine.Name}: {exit.Detail}{after}";
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
