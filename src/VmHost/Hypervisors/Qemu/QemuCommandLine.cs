using System.Collections.Immutable;
using System.Globalization;
using VmHost.Specs;

namespace VmHost.Hypervisors.Qemu;

/// <summary>Turns a spec into QEMU's argv. Same input, same output: no files, no processes, no clock.</summary>
internal static class QemuCommandLine
{
    internal static ImmutableArray<string> Build(MachineSpec spec, QemuFacts qemu, MachinePaths paths)
    {
        var args = ImmutableArray.CreateBuilder<string>();

        // Without these two, a user's own config file or QEMU's default devices change the machine.
        args.Add("-no-user-config");
        args.Add("-nodefaults");
        args.AddRange("-display", "none");

        // A reset ends the process with the reason guest-reset: whether to boot again is decided by the daemon.
        args.Add("-no-reboot");

        args.AddRange("-machine", $"q35,accel={qemu.Accelerator}");
        args.AddRange("-cpu", "max");
        args.AddRange("-smp", spec.CpuCount.ToString(CultureInfo.InvariantCulture));
        args.AddRange("-m", string.Create(CultureInfo.InvariantCulture, $"{spec.Memory.MiB}M"));
        args.AddRange("-uuid", spec.Uuid.ToString("D"));

        // Both take a path as it is. Only for a multiboot kernel is -initrd a list with commas, and a bzImage, the only
        // kind that gets this far, is none.
        args.AddRange("-kernel", spec.Boot.KernelPath);
        if (spec.Boot.InitrdPath is { } initrd)
            args.AddRange("-initrd", initrd);
        if (spec.Boot.CommandLine.Length > 0)
            args.AddRange("-append", spec.Boot.CommandLine);

        // fd 0 and 1 are the shim's terminal. signal=off: ^C on the console is for the guest.
        args.AddRange("-chardev", "stdio,id=con0,signal=off");
        args.AddRange("-serial", "chardev:con0");

        args.AddRange("-chardev", $"socket,id=qmp0,path={Escape(paths.QmpSocket)},server=on,wait=off");
        args.AddRange("-mon", "chardev=qmp0,mode=control");

        // QEMU exits with 0 whatever happened: the events say why. They are logged by a second monitor that nobody can
        // connect to, since from a client's connect until its qmp_capabilities a monitor keeps them even out of its log.
        args.AddRange("-chardev", $"null,id=events0,logfile={Escape(paths.QmpLog)}");
        args.AddRange("-mon", "chardev=events0,mode=control");

        // Without it a guest may wait minutes for entropy.
        args.AddRange("-device", "virtio-rng-pci");

        args.AddRange("-netdev", "user,id=n0" + string.Concat(spec.PublishedPorts.Select(Forward)));
        args.AddRange("-device", "virtio-net-pci,netdev=n0");

        if (qemu.HasSandbox)
            args.AddRange("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");

        return args.ToImmutable();
    }

    private static string Forward(PublishedPort port) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $",hostfwd={(port.Protocol == PortProtocol.Udp ? "udp" : "tcp")}:{port.HostAddress}:{port.HostPort}-:{port.GuestPort}");

    // In a QEMU property list a comma ends the value; a doubled comma stands for one.
    private static string Escape(string value) => value.Replace(",", ",,", StringComparison.Ordinal);
}
