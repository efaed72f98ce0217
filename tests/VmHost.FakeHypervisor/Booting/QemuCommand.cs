using System.Globalization;
using VmHost.FakeHypervisor.Bhyve;

namespace VmHost.FakeHypervisor.Booting;

/// <summary>The same machine for QEMU.</summary>
internal static class QemuCommand
{
    internal static IEnumerable<string> From(BhyveArguments arguments, bool hasConsole, string monitor)
    {
        List<string> qemu =
        [
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35,accel=tcg", "-cpu", "max",
            "-smp", arguments.Cpus.ToString(CultureInfo.InvariantCulture),
            "-m", string.Create(CultureInfo.InvariantCulture, $"{arguments.Memory >> 10}K"),
            "-chardev", "stdio,id=com1,signal=off", "-serial", hasConsole ? "chardev:com1" : "null",
            "-chardev", $"socket,id=qmp,path={Escaped(monitor)},server=on,wait=off", "-mon", "chardev=qmp,mode=control",
            "-kernel", arguments.Kernel, "-append", arguments.CommandLine,
        ];
        if (arguments.Initrd.Length > 0)
            qemu.AddRange(["-initrd", arguments.Initrd]);
        if (arguments.Uuid is { Length: > 0 } uuid)
            qemu.AddRange(["-uuid", uuid]);

        var disks = 0;
        foreach (var slot in arguments.Slots)
        {
            switch (slot.Device)
            {
                case "virtio-net":
                    qemu.AddRange(["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]);
                    break;
                case "virtio-rnd":
                    qemu.AddRange(["-device", "virtio-rng-pci"]);
                    break;
                case "virtio-blk":
                    var access = slot.Words.Contains("ro", StringComparer.Ordinal) ? ",readonly=on" : "";
                    qemu.AddRange(["-drive", $"file={Escaped(slot.Words[0])},format=raw,if=none,id=d{++disks}{access}", "-device", $"virtio-blk-pci,drive=d{disks}"]);
                    break;
                case "ahci-cd":
                    qemu.AddRange(["-drive", $"file={Escaped(slot.Words[0])},format=raw,media=cdrom,readonly=on"]);
                    break;
            }
        }

        return qemu;
    }

    private static string Escaped(string value) => value.Replace(",", ",,", StringComparison.Ordinal);
}
