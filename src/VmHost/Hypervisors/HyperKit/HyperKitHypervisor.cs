using System.Collections.Immutable;
using VmHost.Hypervisors.Bhyve;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Hypervisors.HyperKit;

/// <summary>HyperKit: Docker's continuation of xhyve, for Intel Macs.</summary>
internal sealed class HyperKitHypervisor : IHypervisor
{
    private const string Name = "HyperKit";
    private const int MaxCpus = 64;

    public HypervisorKind Kind => HypervisorKind.HyperKit;

    public ControlChannel Control => ControlChannel.TerminateAndUserSignals;

    public ImmutableArray<SpecFault> Check(MachineSpec spec, HostFacts host, MachinePaths paths)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        BhyveFaults.Add(faults, spec, paths, Name, MaxCpus);
        if (spec.SecondSerialPath is { } serial && serial.Contains(',', StringComparison.Ordinal))
            faults.Add(new("spec.second_serial_path", "HyperKit cuts a path at its comma; give a path without one, or use xhyve or QEMU"));
        if (spec.Network is { Mode: NetworkMode.Vpnkit, MacAddress: not null })
            faults.Add(new("spec.networks[0].mac_address", "vpnkit assigns the MAC by the UUID; leave it out, and give spec.uuid instead"));
        if (spec.Network.VpnkitSocket is { } socket && SocketFaultOf(socket) is { } fault)
            faults.Add(new("spec.networks[0].vpnkit_socket", fault));

        for (var i = 0; i < spec.Disks.Length; i++)
        {
            if (spec.Disks[i].Format == DiskFormat.Qcow2 && !host.HyperKit.HasQcow2)
                faults.Add(new($"spec.disks[{i}].format", "this build of HyperKit reads raw images only (Docker's reads qcow2); convert it: qemu-img convert -O raw OLD NEW"));
        }

        return faults.DrainToImmutable();
    }

    public ImmutableArray<SpecFault> CheckHost(MachineSpec spec, HostFacts host)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        if (host.HyperKit.Problem is { } problem)
            faults.Add(new("spec.hypervisor", problem));
        if (BhyveFaults.VmnetFaultOf(spec, host.Platform, host.HyperKit.IsSetuidRoot, Name, "mode VPNKIT or NONE") is { } vmnet)
            faults.Add(vmnet);
        return faults.DrainToImmutable();
    }

    public LaunchPlan Plan(MachineSpec spec, HostFacts host, MachinePaths paths) =>
        BhyvePlan.Of(host.HyperKit.Executable, HyperKitCommandLine.Build(spec, paths), spec.Boot);

    public ExitVerdict Classify(ExitEvidence evidence) => HyperKitExitClassifier.Classify(evidence);

    // Without the text of its checks HyperKit waits for ever for a socket that it cannot name.
    private static string? SocketFaultOf(string path)
    {
        if (path.Length == 0 || path[0] != '/')
            return "must be an absolute path";
        if (path.Contains(',', StringComparison.Ordinal))
            return "HyperKit cuts a path at its comma; give a path without one";

        var bytes = System.Text.Encoding.UTF8.GetByteCount(path);
        return bytes > UnixListener.MaxPathBytes ? $"has {bytes} bytes, and a socket's path at most {UnixListener.MaxPathBytes}; give a shorter one" : null;
    }
}
