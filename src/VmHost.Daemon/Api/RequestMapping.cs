using VmHost.Consoles;
using VmHost.Protocol.V1;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>From messages to what the engine takes. Values are passed on as they are: the engine checks them.</summary>
internal static class RequestMapping
{
    private const int MaxInputBytes = 64 << 10;

    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxGrace = TimeSpan.FromHours(1);

    internal static MachineRequest ToRequest(string? name, Protocol.V1.MachineSpec? spec)
    {
        if (spec?.Boot is not { } boot)
            throw VmHostException.ForFaults([new("spec.boot", "is not set; name a triple or a kernel")]);

        return new MachineRequest(
            name,
            new BootRequest(
                boot.HasTriplePrefix ? boot.TriplePrefix : null,
                boot.HasKernelPath ? boot.KernelPath : null,
                boot.HasInitrdPath ? boot.InitrdPath : null,
                boot.HasCommandLine ? boot.CommandLine : null,
                boot.HasAppend ? boot.Append : null),
            spec.HasCpuCount ? spec.CpuCount : null,
            spec.HasMemoryBytes ? spec.MemoryBytes : null,
            [.. spec.PublishedPorts.Select(ToPort)],
            ToKind(spec.Hypervisor),
            spec.HasUuid ? spec.Uuid : null)
        {
            Network = spec.Network is { } network ? ToNetwork(network) : null,
            Disks = [.. spec.Disks.Select(ToDisk)],
            CdromPaths = [.. spec.CdromPaths],
            SecondSerialPath = spec.HasSecondSerialPath ? spec.SecondSerialPath : null,
            OnReboot = spec.OnReboot switch
            {
                Protocol.V1.RebootAction.Unspecified or Protocol.V1.RebootAction.Restart => Specs.RebootAction.Restart,
                Protocol.V1.RebootAction.Stop => Specs.RebootAction.Stop,
                _ => (Specs.RebootAction)(-1),
            },
        };
    }

    internal static TimeSpan Grace(HaltMachineRequest request)
    {
        if (request.Grace is not { } grace)
            return DefaultGrace;

        // Compared as seconds: a value out of TimeSpan's range must not throw before it is refused.
        return grace.Seconds >= 0 && grace.Seconds <= MaxGrace.TotalSeconds && grace.Nanos is >= 0 and < 1_000_000_000
            ? grace.ToTimeSpan()
            : throw VmHostException.ForFaults([new("grace", "must be 0 s to 1 h")]);
    }

    internal static ConsoleStart Start(ReadConsoleRequest request) =>
        request.StartCase switch
        {
            ReadConsoleRequest.StartOneofCase.Offset => new(Offset: request.Offset),
            ReadConsoleRequest.StartOneofCase.TailBytes => new(TailBytes: request.TailBytes),
            ReadConsoleRequest.StartOneofCase.TailLines => new(TailLines: request.TailLines),
            _ => new(),
        };

    internal static ReadOnlyMemory<byte> Input(WriteConsoleRequest request) =>
        request.Data.Length <= MaxInputBytes
            ? request.Data.Memory
            : throw VmHostException.ForFaults([new("data", $"must be at most {MaxInputBytes} bytes; write it in parts")]);

    private static Specs.PublishedPort ToPort(Protocol.V1.PublishedPort port) =>
        new(port.HostAddress, port.HostPort, port.GuestPort, port.Protocol switch
        {
            Protocol.V1.PortProtocol.Unspecified or Protocol.V1.PortProtocol.Tcp => Specs.PortProtocol.Tcp,
            Protocol.V1.PortProtocol.Udp => Specs.PortProtocol.Udp,
            _ => (Specs.PortProtocol)(-1),   // the validation names it
        });

    private static Specs.HypervisorKind ToKind(Protocol.V1.HypervisorKind kind) =>
        kind switch
        {
            Protocol.V1.HypervisorKind.Unspecified => Specs.HypervisorKind.Auto,
            Protocol.V1.HypervisorKind.Qemu => Specs.HypervisorKind.Qemu,
            Protocol.V1.HypervisorKind.Xhyve => Specs.HypervisorKind.Xhyve,
            Protocol.V1.HypervisorKind.Hyperkit => Specs.HypervisorKind.HyperKit,
            Protocol.V1.HypervisorKind.Vfkit => Specs.HypervisorKind.Vfkit,
            _ => (Specs.HypervisorKind)(-1),   // the validation names it
        };

    private static Specs.Network ToNetwork(Protocol.V1.Network network) =>
        new(
            network.Mode switch
            {
                Protocol.V1.NetworkMode.Unspecified or Protocol.V1.NetworkMode.Nat => Specs.NetworkMode.Nat,
                Protocol.V1.NetworkMode.None => Specs.NetworkMode.None,
                Protocol.V1.NetworkMode.Vpnkit => Specs.NetworkMode.Vpnkit,
                _ => (Specs.NetworkMode)(-1),
            },
            network.HasMacAddress ? network.MacAddress : null,
            network.HasVpnkitSocket ? network.VpnkitSocket : null);

    private static Specs.Disk ToDisk(Protocol.V1.Disk disk) =>
        new(
            disk.Path,
            disk.Format switch
            {
                Protocol.V1.DiskFormat.Unspecified or Protocol.V1.DiskFormat.Raw => Specs.DiskFormat.Raw,
                Protocol.V1.DiskFormat.Qcow2 => Specs.DiskFormat.Qcow2,
                _ => (Specs.DiskFormat)(-1),
            },
            disk.ReadOnly);
}
