using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using VmHost.Consoles;
using VmHost.Protocol.V1;
using VmHost.Specs;
using VmHost.Supervision;

namespace VmHost.Daemon.Api;

/// <summary>From messages to what the engine takes. Values are passed on as they are: the engine checks them.</summary>
internal static class RequestMapping
{
    private const int MaxInputBytes = 64 << 10;
    private const int MaxConsoleLineBytes = 1024;

    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxGrace = TimeSpan.FromHours(1);

    private static readonly TimeSpan DefaultHeartbeat = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MinHeartbeat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxHeartbeat = TimeSpan.FromHours(1);

    internal static MachineRequest ToRequest(RunMachineRequest request) =>
        ToRequest(request.HasName ? request.Name : null, request.Spec) with
        {
            Restart = ToPolicy(request.RestartPolicy),
            Labels = Specs.Labels.None.AddRange(request.Labels),
            Annotations = Specs.Labels.None.AddRange(request.Annotations),
            Id = request.RequestId.Length > 0 ? request.RequestId : null,
            Digest = request.RequestId.Length > 0 ? $"sha256:{Convert.ToHexStringLower(SHA256.HashData(CanonicalRequest.Of(request).Span))}" : null,
        };

    // The digest is of the message as it came, so that no RunMachine is the same request as a CreateMachine.
    internal static MachineRequest ToRequest(CreateMachineRequest request) =>
        ToRequest(request.HasName ? request.Name : null, request.Spec) with
        {
            Restart = ToPolicy(request.RestartPolicy),
            Labels = Specs.Labels.None.AddRange(request.Labels),
            Annotations = Specs.Labels.None.AddRange(request.Annotations),
            Id = request.RequestId.Length > 0 ? request.RequestId : null,
            Digest = request.RequestId.Length > 0 ? $"sha256:{Convert.ToHexStringLower(SHA256.HashData([.. "create"u8, .. CanonicalRequest.Of(request)]))}" : null,
        };

    internal static MachineRequest ToRequest(PlanMachineRequest request) => ToRequest(request.HasName ? request.Name : null, request.Spec);

    internal static Specs.RestartPolicy ToPolicy(Protocol.V1.RestartPolicy? policy) =>
        policy is null
            ? Specs.RestartPolicy.Never
            : new(
                policy.Mode switch
                {
                    Protocol.V1.RestartMode.Unspecified or Protocol.V1.RestartMode.No => Specs.RestartMode.No,
                    Protocol.V1.RestartMode.OnFailure => Specs.RestartMode.OnFailure,
                    Protocol.V1.RestartMode.Always => Specs.RestartMode.Always,
                    Protocol.V1.RestartMode.UnlessStopped => Specs.RestartMode.UnlessStopped,
                    var unknown => (Specs.RestartMode)(int)unknown,   // the validation names it
                },
                policy.MaxRetries);

    private static MachineRequest ToRequest(string? name, Protocol.V1.MachineSpec? spec)
    {
        if (spec?.Boot is not { } boot)
            throw VmHostException.ForFaults([new("spec.boot", "is not set; name a triple or a kernel")]);

        ThrowIfNotSupported(spec);
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
            Network = spec.Networks.Count == 1 ? ToNetwork(spec.Networks[0]) : null,
            Disks = [.. spec.Disks.Select(ToDisk)],
            CdromPaths = [.. spec.CdromPaths],
            SecondSerialPath = spec.HasSecondSerialPath ? spec.SecondSerialPath : null,
            OnReboot = spec.OnReboot switch
            {
                Protocol.V1.RebootAction.Unspecified or Protocol.V1.RebootAction.Restart => Specs.RebootAction.Restart,
                Protocol.V1.RebootAction.Stop => Specs.RebootAction.Stop,
                var unknown => (Specs.RebootAction)(int)unknown,   // the validation names it
            },
        };
    }

    // Fields of the API that a later version takes.
    private static void ThrowIfNotSupported(Protocol.V1.MachineSpec spec)
    {
        var faults = new List<SpecFault>();
        if (spec.Boot.HasFirmware)
            faults.Add(new("spec.boot.firmware", "is not supported by this version of vmhostd; name a kernel"));
        if (spec.Boot.HasFirmwarePath)
            faults.Add(new("spec.boot.firmware_path", "is not supported by this version of vmhostd; name a kernel"));
        if (spec.Networks.Count > 1)
            faults.Add(new("spec.networks", $"holds {spec.Networks.Count} interfaces, and this version of vmhostd supports one; give at most one"));
        for (var i = 0; i < spec.PublishedPorts.Count; i++)
        {
            if (spec.PublishedPorts[i].HostPort == 0)
                faults.Add(new(string.Create(CultureInfo.InvariantCulture, $"spec.published_ports[{i}].host_port"), "must be 1 to 65535: this version of vmhostd does not choose a port itself"));
        }

        if (faults.Count > 0)
            throw VmHostException.ForFaults([.. faults]);
    }

    internal static HaltOptions ToOptions(HaltMachineRequest request)
    {
        if (request.Reason != HaltReason.Unspecified)
            throw VmHostException.ForFaults([new("reason", "is not supported by this version of vmhostd; leave it unset")]);

        return new(
            ToSpan(request.Grace, "grace", DefaultGrace, TimeSpan.Zero, MaxGrace),
            request.OnTimeout != HaltTimeoutAction.Fail,
            request.HasConsoleLine ? ConsoleLine(request.ConsoleLine) : null);
    }

    internal static HaltOptions ToOptions(RestartMachineRequest request) =>
        new(
            ToSpan(request.Grace, "grace", DefaultGrace, TimeSpan.Zero, MaxGrace),
            request.Force,
            request.HasConsoleLine ? ConsoleLine(request.ConsoleLine) : null);

    internal static TimeSpan HeartbeatInterval(WatchEventsRequest request) =>
        ToSpan(request.HeartbeatInterval, "heartbeat_interval", DefaultHeartbeat, MinHeartbeat, MaxHeartbeat);

    internal static DateTimeOffset Since(WatchEventsRequest request) => ToTime(request.Since, "since");

    private static DateTimeOffset ToTime(Google.Protobuf.WellKnownTypes.Timestamp time, string field)
    {
        try
        {
            return time.ToDateTimeOffset();
        }
        catch (InvalidOperationException)
        {
            throw VmHostException.ForFaults([new(field, "is no time between the years 1 and 9999")]);
        }
    }

    private static string ConsoleLine(string line) =>
        line.Length > 0 && Encoding.UTF8.GetByteCount(line) <= MaxConsoleLineBytes && !line.Any(char.IsControl)
            ? line
            : throw VmHostException.ForFaults([new("console_line", $"must be 1 to {MaxConsoleLineBytes} bytes without control characters")]);

    // Compared as seconds: a value out of TimeSpan's range must not throw before it is refused.
    private static TimeSpan ToSpan(Duration? given, string field, TimeSpan unset, TimeSpan min, TimeSpan max)
    {
        if (given is null)
            return unset;

        return given.Seconds >= min.TotalSeconds && given.Seconds <= max.TotalSeconds && given.Nanos is >= 0 and < 1_000_000_000
            ? given.ToTimeSpan()
            : throw VmHostException.ForFaults([new(field, string.Create(CultureInfo.InvariantCulture, $"must be {min.TotalSeconds:0} s to {max.TotalHours:0} h"))]);
    }

    internal static ConsoleSelection Selection(ReadConsoleRequest request) =>
        new(Start(request), request.Follow)
        {
            Until = request.Until is null ? null : ToTime(request.Until, "until"),
            Boot = request.HasBoot ? request.Boot : null,
            WithTimes = request.WithTimes,
        };

    private static ConsoleStart Start(ReadConsoleRequest request) =>
        request.StartCase switch
        {
            ReadConsoleRequest.StartOneofCase.Offset => new(Offset: request.Offset),
            ReadConsoleRequest.StartOneofCase.TailBytes => new(TailBytes: request.TailBytes),
            ReadConsoleRequest.StartOneofCase.TailLines => new(TailLines: request.TailLines),
            ReadConsoleRequest.StartOneofCase.Since => new(Since: ToTime(request.Since, "since")),
            _ => new(),
        };

    internal static long? Begin(ExpectConsoleRequest request) =>
        (request.HasOffset, request.HasAfterWrite) switch
        {
            (true, true) => throw VmHostException.ForFaults([new("after_write", "is set together with offset; set one of them")]),
            (true, _) => request.Offset,
            (_, true) => request.AfterWrite,
            _ => null,
        };

    internal static ReadOnlyMemory<byte> Input(WriteConsoleRequest request) =>
        request.Data.Length <= MaxInputBytes
            ? request.Data.Memory
            : throw VmHostException.ForFaults([new("data", $"must be at most {MaxInputBytes} bytes; write it in parts")]);

    internal static Specs.PublishedPort ToPort(Protocol.V1.PublishedPort port) =>
        new(port.HostAddress, port.HostPort, port.GuestPort, port.Protocol switch
        {
            Protocol.V1.PortProtocol.Unspecified or Protocol.V1.PortProtocol.Tcp => Specs.PortProtocol.Tcp,
            Protocol.V1.PortProtocol.Udp => Specs.PortProtocol.Udp,
            var unknown => (Specs.PortProtocol)(int)unknown,   // the validation names it
        });

    private static Specs.HypervisorKind ToKind(Protocol.V1.HypervisorKind kind) =>
        kind switch
        {
            Protocol.V1.HypervisorKind.Unspecified => Specs.HypervisorKind.Auto,
            Protocol.V1.HypervisorKind.Qemu => Specs.HypervisorKind.Qemu,
            Protocol.V1.HypervisorKind.Xhyve => Specs.HypervisorKind.Xhyve,
            Protocol.V1.HypervisorKind.Hyperkit => Specs.HypervisorKind.HyperKit,
            Protocol.V1.HypervisorKind.Vfkit => Specs.HypervisorKind.Vfkit,
            var unknown => (Specs.HypervisorKind)(int)unknown,   // the validation names it
        };

    private static Specs.Network ToNetwork(Protocol.V1.Network network) =>
        new(
            network.Mode switch
            {
                Protocol.V1.NetworkMode.Unspecified or Protocol.V1.NetworkMode.Nat => Specs.NetworkMode.Nat,
                Protocol.V1.NetworkMode.None => Specs.NetworkMode.None,
                Protocol.V1.NetworkMode.Vpnkit => Specs.NetworkMode.Vpnkit,
                var unknown => (Specs.NetworkMode)(int)unknown,   // the validation names it
            },
            network.HasMacAddress ? network.MacAddress : null,
            network.HasVpnkitSocket ? network.VpnkitSocket : null);

    internal static Specs.Disk ToDisk(Protocol.V1.Disk disk) =>
        new(
            disk.Path,
            disk.Format switch
            {
                Protocol.V1.DiskFormat.Unspecified or Protocol.V1.DiskFormat.Raw => Specs.DiskFormat.Raw,
                Protocol.V1.DiskFormat.Qcow2 => Specs.DiskFormat.Qcow2,
                var unknown => (Specs.DiskFormat)(int)unknown,   // the validation names it
            },
            disk.ReadOnly);
}
