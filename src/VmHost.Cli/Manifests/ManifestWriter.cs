using System.Globalization;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace VmHost.Cli.Manifests;

/// <summary>A machine as a manifest that <see cref="MachineManifest"/> reads: what runs it again as it is.</summary>
internal static class ManifestWriter
{
    /// <summary>One YAML document.</summary>
    internal static string Write(Machine machine)
    {
        using var text = new StringWriter { NewLine = "\n" };
        YamlText.Write(text, emitter =>
        {
            emitter.Emit(new MappingStart());
            foreach (var (key, value) in Entries(machine))
            {
                emitter.Emit(YamlText.Plain(key));
                Emit(emitter, value);
            }

            emitter.Emit(new MappingEnd());
        });
        return text.ToString().TrimEnd('\n');
    }

    // In the order of the manual. What is as it is without being said is left out.
    private static IEnumerable<(string Key, object Value)> Entries(Machine machine)
    {
        yield return ("name", machine.Name);
        if (machine.Spec is not { } spec)
            yield break;

        yield return ("kernel", spec.Boot.KernelPath);
        if (spec.Boot.HasInitrdPath)
            yield return ("initrd", spec.Boot.InitrdPath);
        yield return ("cmdline", spec.Boot.CommandLine);
        yield return ("cpus", spec.CpuCount);
        yield return ("memory", Describe.Memory(spec.MemoryBytes));
        if (spec.PublishedPorts.Count > 0)
            yield return ("publish", spec.PublishedPorts.Select(PortOf).ToArray());
        if (spec.Disks.Count > 0)
            yield return ("disks", spec.Disks.Select(Describe.Disk).ToArray());
        if (spec.CdromPaths.Count > 0)
            yield return ("cdroms", spec.CdromPaths.ToArray());
        if (spec.Networks is [var network, ..])
        {
            yield return ("network", Describe.Network(network));
            if (network.HasMacAddress)
                yield return ("mac", network.MacAddress);
        }

        if (spec.HasSecondSerialPath)
            yield return ("second_serial", spec.SecondSerialPath);
        yield return ("on_reboot", spec.OnReboot == RebootAction.Stop ? "stop" : "restart");
        yield return ("restart", Describe.Restart(machine.RestartPolicy));
        if (spec.Hypervisor != HypervisorKind.Unspecified)
            yield return ("hypervisor", Describe.Hypervisor(spec.Hypervisor));
        yield return ("uuid", spec.Uuid);
        if (machine.Labels.Count > 0)
            yield return ("labels", new SortedDictionary<string, string>(machine.Labels, StringComparer.Ordinal));
        if (machine.Annotations.Count > 0)
            yield return ("annotations", new SortedDictionary<string, string>(machine.Annotations, StringComparer.Ordinal));
    }

    private static void Emit(IEmitter emitter, object value)
    {
        switch (value)
        {
            case string[] list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, SequenceStyle.Block));
                foreach (var item in list)
                    emitter.Emit(YamlText.Quoted(item));
                emitter.Emit(new SequenceEnd());
                break;
            case SortedDictionary<string, string> pairs:
                emitter.Emit(new MappingStart());
                foreach (var (key, text) in pairs)
                {
                    emitter.Emit(YamlText.Quoted(key));
                    emitter.Emit(YamlText.Quoted(text));
                }

                emitter.Emit(new MappingEnd());
                break;
            case int number:
                emitter.Emit(YamlText.Plain(number.ToString(CultureInfo.InvariantCulture)));
                break;
            default:
                emitter.Emit(YamlText.Quoted((string)value));
                break;
        }
    }

    private static string PortOf(PublishedPort port) =>
        string.Create(CultureInfo.InvariantCulture, $"{(port.HostAddress.Length > 0 ? $"{port.HostAddress}:" : "")}{port.HostPort}:{port.GuestPort}/{(port.Protocol == PortProtocol.Udp ? "udp" : "tcp")}");
}
