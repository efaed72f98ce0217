using System.Collections.Immutable;
using VmHost.Hypervisors.Bhyve;
using VmHost.Specs;

namespace VmHost.Hypervisors.Xhyve;

/// <summary>xhyve: bhyve on Hypervisor.framework, for Intel Macs.</summary>
internal sealed class XhyveHypervisor : IHypervisor
{
    private const string Name = "xhyve";
    private const int MaxCpus = 16;

    public HypervisorKind Kind => HypervisorKind.Xhyve;

    public ControlChannel Control => ControlChannel.TerminateSignal;

    public ImmutableArray<SpecFault> Check(MachineSpec spec, HostFacts host, MachinePaths paths)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        BhyveFaults.Add(faults, spec, paths, Name, MaxCpus);
        if (spec.Network.MacAddress is not null)
            faults.Add(new("spec.networks[0].mac_address", "xhyve derives the MAC from the UUID; leave it out, and give spec.uuid instead"));
        if (spec.Network.Mode == NetworkMode.Vpnkit)
            faults.Add(new("spec.networks[0].mode", "xhyve knows no vpnkit; use NAT, or HyperKit"));

        for (var i = 0; i < spec.Disks.Length; i++)
        {
            if (spec.Disks[i].Format == DiskFormat.Qcow2)
                faults.Add(new($"spec.disks[{i}].format", "xhyve reads raw images only; convert it: qemu-img convert -O raw OLD NEW"));
        }

        return faults.DrainToImmutable();
    }

    public ImmutableArray<SpecFault> CheckHost(MachineSpec spec, HostFacts host)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        if (host.Xhyve.Problem is { } problem)
            faults.Add(new("spec.hypervisor", problem));
        if (host.Xhyve.OverwritesInitrd && spec.Boot.InitrdPath is not null)
            faults.Add(new("spec.hypervisor", $"xhyve {host.Xhyve.Version} overwrites the initial ramdisk while the kernel unpacks itself; install a build of 2018-12 or later (brew install --HEAD xhyve), or use HyperKit"));
        if (BhyveFaults.VmnetFaultOf(spec, host.Platform, host.Xhyve.IsSetuidRoot, Name, "mode NONE") is { } vmnet)
            faults.Add(vmnet);
        return faults.DrainToImmutable();
    }

    public LaunchPlan Plan(MachineSpec spec, HostFacts host, MachinePaths paths) =>
        BhyvePlan.Of(host.Xhyve.Executable, XhyveCommandLine.Build(spec, paths), spec.Boot);

    public ExitVerdict Classify(ExitEvidence evidence) => XhyveExitClassifier.Classify(evidence);
}
