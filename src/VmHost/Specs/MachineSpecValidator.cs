using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace VmHost.Specs;

/// <summary>Turns a request into a spec, or into the list of everything that is wrong with it.</summary>
public static class MachineSpecValidator
{
    /// <summary>Virtual CPUs a machine may have.</summary>
    public const int MaxCpuCount = 64;

    /// <summary>Ports a machine may publish.</summary>
    public const int MaxPublishedPorts = 64;

    /// <summary>Disks a machine may have.</summary>
    public const int MaxDisks = 16;

    /// <summary>CD-ROMs a machine may have.</summary>
    public const int MaxCdroms = 4;

    /// <summary>The least memory that can be asked for; what a kernel needs is far more, and its header says it.</summary>
    public static readonly ByteSize MinMemory = ByteSize.FromMiB(1);

    /// <summary>
    /// The most memory that can be asked for: 512 GiB, a guard against typing errors. Whether the host has it is not
    /// checked here, since that changes.
    /// </summary>
    public static readonly ByteSize MaxMemory = ByteSize.FromMiB(512 * 1024);

    /// <summary>1 GiB.</summary>
    public static readonly ByteSize DefaultMemory = ByteSize.FromMiB(1024);

    private const string Loopback = "127.0.0.1";
    private const string AnyAddress = "0.0.0.0";

    private static readonly ImmutableArray<string> FieldOrder =
    [
        "name", "spec.boot", "spec.cpu_count", "spec.memory_bytes", "spec.published_ports", "spec.networks", "spec.disks",
        "spec.cdrom_paths", "spec.second_serial_path", "spec.on_reboot", "spec.hypervisor", "spec.uuid", "restart_policy",
        "labels", "annotations",
    ];

    /// <summary>Checks everything, and fills in what was left out. Never throws for what a caller sent.</summary>
    /// <param name="request">As it came in.</param>
    /// <param name="resolveBoot">
    /// Finds the files and checks whether they fit into the memory, which is null when that is itself at fault:
    /// <c>BootResolver.Resolve</c>. Given by the caller, as specs know nothing of files.
    /// </param>
    /// <param name="checkDevices">Looks into the files of disks, CD-ROMs and the second serial port: <c>DeviceFiles.Check</c>.</param>
    public static MachineValidation Validate(
        MachineRequest request,
        Func<BootRequest, ByteSize?, BootResolution> resolveBoot,
        Func<MachineRequest, ImmutableArray<SpecFault>> checkDevices)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();

        if (request.Name is { } asked && MachineName.FaultOf(asked) is { } nameFault)
            faults.Add(new("name", nameFault));

        var memory = new ByteSize(request.MemoryBytes ?? DefaultMemory.Bytes);
        var memoryFault = MemoryFaultOf(memory);
        if (memoryFault is not null)
            faults.Add(new("spec.memory_bytes", memoryFault));

        var boot = resolveBoot(request.Boot, memoryFault is null ? memory : null);
        faults.AddRange(boot.Faults);

        var cpuCount = request.CpuCount ?? 1;
        if (cpuCount is < 1 or > MaxCpuCount)
            faults.Add(new("spec.cpu_count", $"must be 1 to {MaxCpuCount}, not {cpuCount}"));

        var ports = Ports(request, faults);
        var network = NetworkValidator.Check(request.Network ?? Network.Default, faults);
        CheckCount("spec.disks", request.Disks.Length, MaxDisks, "disks", faults);
        CheckCount("spec.cdrom_paths", request.CdromPaths.Length, MaxCdroms, "CD-ROMs", faults);
        if (request.Disks.Length <= MaxDisks && request.CdromPaths.Length <= MaxCdroms)
            faults.AddRange(checkDevices(request));

        if (!Enum.IsDefined(request.OnReboot))
            faults.Add(new("spec.on_reboot", $"{(int)request.OnReboot} is nothing that this version knows; use RESTART or STOP"));

        if (!Enum.IsDefined(request.Hypervisor))
            faults.Add(new("spec.hypervisor", $"{(int)request.Hypervisor} is no hypervisor that this version knows; leave it out for the best one"));

        var uuid = Uuid(request.Uuid, faults);
        if (request.Restart.Fault() is { } restartFault)
            faults.Add(restartFault);

        faults.AddRange(Labels.FaultsOfLabels(request.Labels));
        faults.AddRange(Labels.FaultsOfAnnotations(request.Annotations));
        if (boot.Files is null || faults.Count > 0)
            return new MachineValidation([.. faults.OrderBy(static fault => RankOf(fault.Field))]);

        var spec = new MachineSpec
        {
            Boot = boot.Files,
            CpuCount = cpuCount,
            Memory = memory,
            PublishedPorts = ports,
            Hypervisor = request.Hypervisor,
            Uuid = uuid,
            Network = network,
            Disks = request.Disks,
            CdromPaths = request.CdromPaths,
            SecondSerialPath = request.SecondSerialPath,
            OnReboot = request.OnReboot,
        };
        return new MachineValidation(request.Name ?? NameFor(boot.Files), request.Name is null, spec);
    }

    private static string? MemoryFaultOf(ByteSize memory)
    {
        if (memory < MinMemory)
            return $"must be at least {MinMemory}, not {memory.Bytes} bytes; a Linux kernel needs some hundred MiB";
        if (memory > MaxMemory)
            return $"must be at most 512 GiB ({MaxMemory}), not {memory}; give less";
        if (memory.Bytes % MinMemory.Bytes != 0)
            return $"must be a multiple of 1 MiB (1048576 bytes), not {memory.Bytes} bytes; {ByteSize.FromMiB(memory.MiB).Bytes} would be";

        return null;
    }

    // The single ones of too many are not looked at: ten thousand faults help nobody.
    private static void CheckCount(string field, int count, int max, string what, ImmutableArray<SpecFault>.Builder faults)
    {
        if (count > max)
            faults.Add(new(field, $"holds {count} {what}; give at most {max}"));
    }

    private static ImmutableArray<PublishedPort> Ports(MachineRequest request, ImmutableArray<SpecFault>.Builder faults)
    {
        if (request.PublishedPorts.IsDefaultOrEmpty)
            return [];

        if (request.PublishedPorts.Length > MaxPublishedPorts)
        {
            // The single ones are not looked at: ten thousand faults help nobody.
            faults.Add(new("spec.published_ports", $"holds {request.PublishedPorts.Length} ports; publish at most {MaxPublishedPorts}"));
            return [];
        }

        var ports = ImmutableArray.CreateBuilder<PublishedPort>(request.PublishedPorts.Length);
        foreach (var asked in request.PublishedPorts)
        {
            var port = string.IsNullOrEmpty(asked.HostAddress) ? asked with { HostAddress = Loopback } : asked;
            CheckPort(port, $"spec.published_ports[{ports.Count}]", ports, faults);
            ports.Add(port);
        }

        return ports.MoveToImmutable();
    }

    private static void CheckPort(
        PublishedPort port,
        string field,
        ImmutableArray<PublishedPort>.Builder earlier,
        ImmutableArray<SpecFault>.Builder faults)
    {
        if (!IsIPv4Literal(port.HostAddress))
            faults.Add(new($"{field}.host_address", $"{Quoted.Ascii(port.HostAddress)} is no IPv4 address; give one such as {Loopback}, or {AnyAddress} for every address of this host"));

        if (port.HostPort is < 1 or > 65535)
            faults.Add(new($"{field}.host_port", $"must be 1 to 65535, not {port.HostPort}"));
        else if (FirstOverlap(port, earlier) is var overlap and >= 0)
            faults.Add(new($"{field}.host_port", $"{Shown(port)} is already published by spec.published_ports[{overlap}] as {Shown(earlier[overlap])}; choose another port"));

        if (port.GuestPort is < 1 or > 65535)
            faults.Add(new($"{field}.guest_port", $"must be 1 to 65535, not {port.GuestPort}"));

        if (!Enum.IsDefined(port.Protocol))
            faults.Add(new($"{field}.protocol", $"{(int)port.Protocol} is no protocol that this version knows; use TCP or UDP"));
    }

    private static int FirstOverlap(PublishedPort port, ImmutableArray<PublishedPort>.Builder earlier)
    {
        for (var i = 0; i < earlier.Count; i++)
        {
            var other = earlier[i];
            var sameAddress = other.HostAddress == port.HostAddress
                || other.HostAddress == AnyAddress
                || port.HostAddress == AnyAddress;
            if (sameAddress && other.HostPort == port.HostPort && other.Protocol == port.Protocol)
                return i;
        }

        return -1;
    }

    // The address may be anything when it is shown here.
    private static string Shown(PublishedPort port) =>
        IsIPv4Literal(port.HostAddress) ? port.ToString() : $"port {port.HostPort}";

    // The parser also takes '127.1', '0x7f000001' and '2130706433'; who reads the spec later may not.
    private static bool IsIPv4Literal(string address) =>
        IPAddress.TryParse(address, out var parsed)
        && parsed.AddressFamily == AddressFamily.InterNetwork
        && parsed.ToString() == address;

    private static Guid Uuid(string? text, ImmutableArray<SpecFault>.Builder faults)
    {
        if (text is null)
            return Guid.NewGuid();

        // Compared with its own text, as the parser overlooks spaces around it.
        if (Guid.TryParseExact(text, "D", out var uuid) && uuid.ToString("D").Equals(text, StringComparison.OrdinalIgnoreCase))
            return uuid;

        faults.Add(new("spec.uuid", $"{Quoted.Ascii(text)} is no UUID; give 32 hex digits in the form 8-4-4-4-12, or leave it out for a random one"));
        return default;
    }

    private static string NameFor(BootFiles boot) =>
        MachineName.FromBaseName(Path.GetFileName(boot.TriplePrefix ?? WithoutSuffix(boot.KernelPath)));

    private static string WithoutSuffix(string kernelPath)
    {
        foreach (var suffix in new[] { "-kernel", "-bzImage" })
        {
            if (kernelPath.EndsWith(suffix, StringComparison.Ordinal))
                return kernelPath[..^suffix.Length];
        }

        return kernelPath;
    }

    private static int RankOf(string field)
    {
        for (var i = 0; i < FieldOrder.Length; i++)
        {
            if (field.StartsWith(FieldOrder[i], StringComparison.Ordinal))
                return i;
        }

        return FieldOrder.Length;
    }
}
