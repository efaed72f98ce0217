using System.Globalization;
using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.Tests.Hypervisors.Grammars;

/// <summary>vfkit's own reading (cmd/vfkit, pkg/config): long options, and device values that are cut at every comma.</summary>
internal static class VfkitGrammar
{
    internal static ParsedMachine Parse(LaunchPlan plan)
    {
        var machine = new ParsedMachine();
        var links = plan.Links.ToDictionary(link => link.Path, link => link.Target, StringComparer.Ordinal);
        var argv = plan.Arguments;
        for (var i = 0; i < argv.Length; i += 2)
            Option(machine, links, argv[i], argv[i + 1]);

        return machine;
    }

    private static void Option(ParsedMachine machine, Dictionary<string, string> links, string option, string value)
    {
        switch (option)
        {
            case "--cpus":
                machine.Cpus = int.Parse(value, CultureInfo.InvariantCulture);
                break;
            case "--memory":
                machine.MemoryMiB = long.Parse(value, CultureInfo.InvariantCulture);
                break;
            case "--kernel":
                machine.Kernel = value;
                break;
            case "--initrd":
                machine.Initrd = value;
                break;
            case "--kernel-cmdline":
                machine.CommandLine = value;
                break;
            case "--restful-uri":
                Assert.StartsWith("unix:///", value, StringComparison.Ordinal);
                break;
            case "--device":
                Device(machine, links, value.Split(','));
                break;
            default:
                Assert.Fail($"{option} {value} is nothing that VmHost gives");
                break;
        }
    }

    private static void Device(ParsedMachine machine, Dictionary<string, string> links, string[] words)
    {
        switch (words)
        {
            case ["virtio-serial", "stdio"]:
                machine.HasConsole = true;
                break;
            case ["virtio-rng"]:
                machine.HasEntropy = true;
                break;
            case ["virtio-net", "nat", var mac]:
                machine.Network = NetworkMode.Nat;
                machine.Mac = mac["mac=".Length..];
                break;
            case ["virtio-blk", var path, .. var rest]:
                Assert.True(rest is [] or ["readonly"]);
                machine.Disks.Add(new(links[path["path=".Length..]], DiskFormat.Raw, rest.Length == 1));
                break;
            case ["usb-mass-storage", var path, "readonly"]:
                machine.Cdroms.Add(links[path["path=".Length..]]);
                break;
            default:
                Assert.Fail($"--device {string.Join(',', words)} is nothing that VmHost gives");
                break;
        }
    }
}
