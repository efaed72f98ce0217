using System.Text.Json.Nodes;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Bundles;

/// <summary>A mount as <c>config.json</c> and <c>runtime.json</c> have it; what is empty is left out.</summary>
internal sealed record Mount(string Destination, string Type, string Source, IReadOnlyList<string> Options)
{
    internal JsonObject ToJson() =>
        new JsonObject().With("destination", Destination).With("type", Type).With("source", Source).With("options", JsonParts.Texts(Options));
}

/// <summary>What is mounted in a container: the usual five, then <c>tmpfs</c>, <c>binds</c> and <c>mounts</c>, where the last of a destination counts.</summary>
internal static class Mounts
{
    private static readonly Dictionary<string, string> DefaultDestinations = new(StringComparer.Ordinal)
    {
        ["proc"] = "/proc",
        ["devpts"] = "/dev/pts",
        ["sysfs"] = "/sys",
        ["cgroup"] = "/sys/fs/cgroup",
        ["mqueue"] = "/dev/mqueue",
    };

    /// <exception cref="LinuxKitException">One cannot be understood.</exception>
    internal static IReadOnlyList<Mount> Of(ContainerSettings settings, IReadOnlyList<VolumePart> volumes, bool is2017)
    {
        var all = new Dictionary<string, Mount>(StringComparer.Ordinal);
        var added = Usual(settings.IsReadOnly)
            .Concat(settings.Texts("tmpfs").Select(text => Tmpfs(text, settings)))
            .Concat(settings.TextsAndMore("binds").Select(text => Bind(text, settings, volumes, is2017)))
            .Concat((settings.Value("mounts")?.Items ?? []).Select(value => Typed(value, settings, volumes)));
        foreach (var mount in added)
            all[mount.Destination] = mount;

        // 2017's tool sorted by depth only, the rest as chance had it.
        return is2017
            ? [.. all.Values.OrderBy(mount => mount.Destination.Count(character => character == '/')).ThenBy(mount => mount.Destination, StringComparer.Ordinal)]
            : [.. all.Values.OrderBy(mount => mount.Destination, StringComparer.Ordinal)];
    }

    /// <summary>A mount of the guest's init, which goes by what was written.</summary>
    internal static Mount Plain(YamlValue value) =>
        new(value["destination"]?.Text ?? "", value["type"]?.Text ?? "", value["source"]?.Text ?? "", value["options"]?.Texts() ?? []);

    private static IEnumerable<Mount> Usual(bool readOnly)
    {
        IReadOnlyList<string> more = readOnly ? ["ro"] : [];
        yield return new("/proc", "proc", "proc", ["nosuid", "nodev", "noexec", "relatime"]);
        yield return new("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k", .. more]);
        yield return new("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]);
        yield return new("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", .. more]);
        yield return new("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]);
    }

    private static Mount Tmpfs(string text, ContainerSettings settings) =>
        text.Split(':') switch
        {
            [var destination] => new(destination, "tmpfs", "tmpfs", []),
            [var destination, var options] => new(destination, "tmpfs", "tmpfs", options.Split(',')),
            _ => throw new LinuxKitException($"{settings.What}: tmpfs '{text}' has too many colons; write DESTINATION[:OPTION,OPTION]"),
        };

    private static Mount Bind(string text, ContainerSettings settings, IReadOnlyList<VolumePart> volumes, bool is2017)
    {
        var parts = text.Split(':');
        if (parts.Length is not (2 or 3) || parts.Any(part => part.Length == 0))
            throw new LinuxKitException($"{settings.What}: bind '{text}' is not SOURCE:DESTINATION[:OPTION,OPTION]");

        return new(parts[1], "bind", Source(parts[0], parts.Length == 3 ? parts[2] : "", settings, volumes), BindOptions(parts, is2017));
    }

    private static string[] BindOptions(string[] parts, bool is2017) =>
        (parts.Length, is2017) switch
        {
            (2, true) => ["rw", "rbind", "rprivate"],
            (2, false) => ["rw", "rbind", "rshared"],
            (_, true) => parts[2].Split(','),
            _ => [.. parts[2].Split(','), "rbind"],
        };

    private static Mount Typed(YamlValue value, ContainerSettings settings, IReadOnlyList<VolumePart> volumes)
    {
        var (destination, type, source, options) = Plain(value);
        if (type.Length == 0)
        {
            type = DefaultDestinations.ContainsKey(source) ? source
                : destination == "/dev" ? "tmpfs"
                : throw new LinuxKitException($"{value.Place}: mount for destination {destination} is missing type");
        }

        if (destination.Length == 0 && !DefaultDestinations.TryGetValue(type, out destination!))
            throw new LinuxKitException($"{value.Place}: a mount of type {type} lacks its destination");
        if (type == "bind")
            source = Source(source, string.Join(',', options), settings, volumes);
        return new(destination, type, source.Length == 0 ? type : source, options);
    }

    // What does not begin with a slash is a volume.
    private static string Source(string source, string options, ContainerSettings settings, IReadOnlyList<VolumePart> volumes)
    {
        if (source.StartsWith('/'))
            return source;

        var volume = volumes.FirstOrDefault(one => one.Name == source)
            ?? throw new LinuxKitException($"{settings.What}: '{source}' is no path from the root, and there is no volume of that name");
        return !volume.ReadOnly || options.Split(',').Contains("ro")
            ? $"/{volume.Directory}/merged"
            : throw new LinuxKitException($"{settings.What}: the volume {source} is readonly; mount it with the option ro");
    }
}
