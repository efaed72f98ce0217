using System.Collections.Immutable;
using System.Globalization;
using VmHost.ShimContract.Records;
using VmHost.Specs;

namespace VmHost.Hypervisors.Qemu;

/// <summary>Turns a spec into QEMU's argv. Same input, same output: no files, no processes, no clock.</summary>
internal static class QemuCommandLine
{
    internal static ImmutableArray<PlanOption> Build(MachineSpec spec, QemuFacts qemu, MachinePaths paths)
    {
        var options = new PlanOptions();
        options.Add("a user's own configuration does not change the machine", "-no-user-config");
        options.Add("nor do QEMU's default devices", "-nodefaults");
        options.Add("no screen", "-display", "none");
        options.Add("a reset ends the process, and VmHost decides whether to boot again", "-no-reboot");
        options.Add("a PC, run by the processor where the host allows it", "-machine", $"q35,accel={qemu.Accelerator}");
        options.Add("all that the processor can do", "-cpu", "max");
        options.Add("virtual CPUs", "-smp", spec.CpuCount.ToString(CultureInfo.InvariantCulture));
        options.Add("memory", "-m", string.Create(CultureInfo.InvariantCulture, $"{spec.Memory.MiB}M"));
        options.Add("the machine's own UUID", "-uuid", spec.Uuid.ToString("D"));
        AddBoot(options, spec.Boot);
        AddSerial(options, spec.SecondSerialPath);
        AddControl(options, paths);
        options.Add("random numbers from the host, or the guest may wait minutes for its own", "-device", "virtio-rng-pci");
        AddNetwork(options, spec);
        AddDisks(options, spec);
        if (qemu.HasSandbox)
            options.Add("QEMU gives up system calls that it does not need", "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");

        return options.ToImmutable();
    }

    // All three values are taken as they are. Only for a multiboot kernel is -initrd a list with commas, and a bzImage,
    // the only kind that gets this far, is none.
    private static void AddBoot(PlanOptions options, BootFiles boot)
    {
        options.Add("the kernel", "-kernel", boot.KernelPath);
        if (boot.InitrdPath is { } initrd)
            options.Add("the initial ramdisk", "-initrd", initrd);
        if (boot.CommandLine.Length > 0)
            options.Add("the kernel command line", "-append", boot.CommandLine);
    }

    private static void AddSerial(PlanOptions options, string? second)
    {
        options.Add("the terminal that is file 0 and 1 of the process; ^C on it is for the guest", "-chardev", "stdio,id=con0,signal=off");
        options.Add("ttyS0 on it", "-serial", "chardev:con0");
        if (second is null)
            return;

        options.Add("a terminal of the host", "-chardev", $"serial,id=con1,path={Escape(second)}");
        options.Add("ttyS1 on it", "-serial", "chardev:con1");
    }

    // QEMU exits with 0 whatever happened: the events say why. They are logged by a monitor that no client can connect
    // to, since from a client's connect until its qmp_capabilities a monitor keeps them even out of its log. The monitor
    // with a path is not VmHost's own: it serves the daemon of an earlier version, after a downgrade, and other tools.
    private static void AddControl(PlanOptions options, MachinePaths paths)
    {
        options.AddForControl("VmHost's monitor, on a socket that vmhost-shim hands over as an open file", "-chardev", string.Create(CultureInfo.InvariantCulture, $"socket,id=qmp0,fd={LaunchRecord.MonitorNumber}"));
        options.AddForControl("a monitor on it", "-mon", "chardev=qmp0,mode=control");
        options.AddForControl("a monitor for other programs; VmHost does not need it", "-chardev", $"socket,id=qmp1,path={Escape(paths.QmpSocket)},server=on,wait=off");
        options.AddForControl("a monitor on it", "-mon", "chardev=qmp1,mode=control");
        options.AddForControl("the log of events, which tells why the machine ended", "-chardev", $"null,id=events0,logfile={Escape(paths.QmpLog)}");
        options.AddForControl("a monitor that only writes it", "-mon", "chardev=events0,mode=control");
    }

    private static void AddNetwork(PlanOptions options, MachineSpec spec)
    {
        if (spec.Network.Mode != NetworkMode.Nat)
            return;

        options.Add("network by way of the host, with the published ports", "-netdev", "user,id=n0" + string.Concat(spec.PublishedPorts.Select(Forward)));
        options.Add("the guest's interface", "-device", "virtio-net-pci,netdev=n0" + (spec.Network.MacAddress is { } mac ? $",mac={mac}" : ""));
    }

    private static void AddDisks(PlanOptions options, MachineSpec spec)
    {
        for (var i = 0; i < spec.Disks.Length; i++)
        {
            var disk = spec.Disks[i];
            var format = disk.Format == DiskFormat.Qcow2 ? "qcow2" : "raw";
            options.Add($"disk {i}: the image", "-drive", $"file={Escape(disk.Path)},format={format},if=none,id=disk{i}{(disk.ReadOnly ? ",readonly=on" : "")}");
            options.Add($"disk {i}: what the guest sees", "-device", $"virtio-blk-pci,drive=disk{i}");
        }

        for (var i = 0; i < spec.CdromPaths.Length; i++)
        {
            options.Add($"CD-ROM {i}: the image", "-drive", $"file={Escape(spec.CdromPaths[i])},format=raw,if=none,id=cdrom{i},media=cdrom,readonly=on");
            options.Add($"CD-ROM {i}: what the guest sees", "-device", $"ide-cd,drive=cdrom{i},bus=ide.{i}");
        }
    }

    private static string Forward(PublishedPort port) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $",hostfwd={(port.Protocol == PortProtocol.Udp ? "udp" : "tcp")}:{port.HostAddress}:{port.HostPort}-:{port.GuestPort}");

    // In a QEMU property list a comma ends the value; a doubled comma stands for one.
    private static string Escape(string value) => value.Replace(",", ",,", StringComparison.Ordinal);
}
