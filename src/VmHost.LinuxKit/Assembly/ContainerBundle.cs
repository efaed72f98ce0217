using VmHost.LinuxKit.Bundles;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Assembly;

/// <summary>A container as the guest's init finds it: its root file system, <c>config.json</c>, and today <c>runtime.json</c>.</summary>
/// <param name="settings">Of the container.</param>
/// <param name="image">Of the container.</param>
/// <param name="config">Its <c>config.json</c>.</param>
/// <param name="limits">What the image may cost.</param>
internal sealed class ContainerBundle(ContainerSettings settings, Image image, byte[] config, LayerLimits limits)
{
    private const string RootFs = "rootfs";

    private string Directory => settings.Part.Directory;

    /// <summary>As 2017's guests want it: the whole root file system, whether an other container has the same or not.</summary>
    internal IEnumerable<Entry> Entries2017()
    {
        foreach (var directory in EntryPath.Ancestors($"{Directory}/{RootFs}/"))
            yield return Entry.Directory(directory);
        yield return Entry.File($"{Directory}/config.json", config);
        foreach (var entry in ImageFiles.Of(image, $"{Directory}/{RootFs}/", Resolver.Public2017, limits))
            yield return entry;
    }

    /// <summary>As today's guests want it: an image is there once, and what may write to it gets an overlay.</summary>
    /// <param name="unpacked">Image names and where they are; this one's is added.</param>
    internal IEnumerable<Entry> EntriesToday(Dictionary<string, string> unpacked)
    {
        var own = $"{Directory}/{(settings.IsReadOnly ? RootFs : "lower")}";
        var isFirst = unpacked.TryAdd(settings.Part.Image, own);
        var root = unpacked[settings.Part.Image];
        var files = isFirst
            ? ImageFiles.Of(image, $"{root}/", Resolver.None, limits)
            : EntryPath.Ancestors($"{Directory}/").Select(directory => Entry.Directory(directory));
        foreach (var entry in files)
            yield return entry;

        yield return Entry.File($"{Directory}/config.json", config);
        if (!settings.IsReadOnly)
        {
            yield return Entry.Directory($"{Directory}/tmp");
            yield return Entry.Directory($"{Directory}/{RootFs}");
        }
        else if (!isFirst)
        {
            yield return Entry.Directory($"{Directory}/{RootFs}");
        }

        yield return Entry.File($"{Directory}/runtime.json", GoJson.Write(RuntimeConfig.Build(settings, RootMounts(root))));
    }

    private IReadOnlyList<Mount> RootMounts(string root) =>
        settings.IsReadOnly
            ? [new($"/{Directory}/{RootFs}", "", $"/{root}", ["bind"])]
            :
            [
                new($"/{Directory}/tmp", "tmpfs", "tmpfs", []),
                new($"/{Directory}/tmp", "", "", ["remount", "private"]),
                new($"/{Directory}/{RootFs}", "overlay", "overlay", [$"lowerdir=/{root}", $"upperdir=/{Directory}/tmp/upper", $"workdir=/{Directory}/tmp/work"]),
            ];
}
