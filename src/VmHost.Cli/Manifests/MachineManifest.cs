using System.Globalization;
using VmHost.Cli.Commands;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Manifests;

/// <summary>
/// A machine in a file: YAML, of which JSON is a part. The keys are vmctl's own options, values are written as on the
/// command line, and relative paths are relative to the file. An unknown key is an error, never passed over.
/// </summary>
internal static class MachineManifest
{
    /// <summary>Reads a manifest.</summary>
    /// <exception cref="CliException">It cannot be read, or something in it is wrong: with line and column.</exception>
    internal static RunMachineRequest Read(string file)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(file)) ?? "/";
        var request = new RunMachineRequest { Spec = new() { Boot = new() } };
        foreach (var entry in YamlFile.Read(file))
            Apply(request, entry, path => path.Length > 0 ? Path.GetFullPath(path, directory) : path);

        var boot = request.Spec.Boot;
        return boot.HasTriplePrefix || boot.HasKernelPath
            ? request
            : throw new CliException(ExitCodes.Usage, $"{file}: names nothing to boot; add the key prefix, or kernel");
    }

    private static readonly string[] Keys =
    [
        "name", "prefix", "kernel", "initrd", "cmdline", "append", "cpus", "memory", "publish", "disks", "cdroms", "network", "mac",
        "second_serial", "on_reboot", "restart", "hypervisor", "uuid", "labels", "annotations",
    ];

    private static void Apply(RunMachineRequest request, YamlEntry entry, Func<string, string> absolute)
    {
        switch (entry.Key)
        {
            case "name": request.Name = entry.Text(); break;
            case "restart": request.RestartPolicy = RestartSyntax.Parse(entry.Label, entry.Text()); break;
            case "labels": request.Labels.Add(entry.Pairs()); break;
            case "annotations": request.Annotations.Add(entry.Pairs()); break;
            default: Apply(request.Spec, entry, absolute); break;
        }
    }

    private static void Apply(MachineSpec spec, YamlEntry entry, Func<string, string> absolute)
    {
        switch (entry.Key)
        {
            case "prefix": spec.Boot.TriplePrefix = absolute(entry.Text()); break;
            case "kernel": spec.Boot.KernelPath = absolute(entry.Text()); break;
            case "initrd": spec.Boot.InitrdPath = absolute(entry.Text()); break;
            case "cmdline": spec.Boot.CommandLine = Line(entry); break;
            case "append": spec.Boot.Append = Line(entry); break;
            case "cpus": spec.CpuCount = Number(entry); break;
            case "memory": spec.MemoryBytes = SizeSyntax.Parse(entry.Label, entry.Text()); break;
            case "publish": spec.PublishedPorts.AddRange(entry.Texts().Select(text => PublishSyntax.Parse(entry.Label, text))); break;
            case "disks": spec.Disks.AddRange(entry.Texts().Select(text => DeviceSyntax.Disk(entry.Label, text, absolute))); break;
            case "cdroms": spec.CdromPaths.AddRange(entry.Texts().Select(absolute)); break;
            case "network": SetNetwork(spec, DeviceSyntax.Network(entry.Label, entry.Text(), absolute)); break;
            case "mac": DeviceSyntax.Interface(spec).MacAddress = entry.Text(); break;
            case "second_serial": spec.SecondSerialPath = absolute(entry.Text()); break;
            case "on_reboot": spec.OnReboot = DeviceSyntax.OnReboot(entry.Label, entry.Text()); break;
            case "hypervisor": spec.Hypervisor = DeviceSyntax.Hypervisor(entry.Label, entry.Text()); break;
            case "uuid": spec.Uuid = entry.Text(); break;
            default: throw entry.UnknownKey(Keys);
        }
    }

    // The two keys may come in either order.
    private static void SetNetwork(MachineSpec spec, Network network)
    {
        if (spec.Networks is [{ HasMacAddress: true } before])
            network.MacAddress = before.MacAddress;

        spec.Networks.Clear();
        spec.Networks.Add(network);
    }

    // A folded or literal block (> or |) ends with a line break of its own.
    private static string Line(YamlEntry entry) => entry.Text().TrimEnd('\n');

    private static int Number(YamlEntry entry) =>
        int.TryParse(entry.Text(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new CliException(ExitCodes.Usage, $"{entry.Label} wants a whole number, not '{entry.Text()}'");
}
