using System.Text;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Assembly;

/// <summary>
/// The files of an image below a prefix, with what every image of a LinuxKit system gets: mount points, hosts and a resolver file.
/// Order and bytes are the reference tool's (<c>moby/build/image.go</c>).
/// </summary>
internal static class ImageFiles
{
    private const string HostName = "etc/hostname";

    private static readonly byte[] Hosts = Encoding.UTF8.GetBytes(
        "127.0.0.1       localhost\n::1     localhost ip6-localhost ip6-loopback\nfe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n");

    private static readonly HashSet<string> Dropped = new(StringComparer.Ordinal)
    {
        ".dockerenv", "Dockerfile", "dev/console", "dev/pts", "dev/shm",
    };

    /// <param name="image">Whose.</param>
    /// <param name="prefix">Empty, or ending in a slash.</param>
    /// <param name="resolver">What <c>etc/resolv.conf</c> becomes.</param>
    /// <param name="limits">What the image may cost.</param>
    internal static IEnumerable<Entry> Of(Image image, string prefix, Resolver resolver, LayerLimits limits)
    {
        foreach (var directory in EntryPath.Ancestors(prefix))
            yield return Entry.Directory(directory);

        var hasMtab = false;
        foreach (var entry in new Flattener(image, limits).Entries())
        {
            hasMtab |= entry.Name == "etc/mtab";
            if (!Dropped.Contains(entry.Name) && (entry.Name != HostName || resolver.HostName is not null))
                yield return Placed(Changed(entry, resolver), prefix);
        }

        foreach (var made in Made(resolver, hasMtab))
            yield return made with { Name = prefix + made.Name };
    }

    private static Entry Placed(Entry entry, string prefix) =>
        prefix.Length == 0 ? entry
        : entry with { Name = prefix + entry.Name, Target = entry.Type == EntryType.HardLink ? prefix + entry.Target : entry.Target };

    // What the image has there is replaced in place, whatever it is: a link would lead the content elsewhere.
    private static Entry Changed(Entry entry, Resolver resolver) =>
        entry.Name switch
        {
            "etc/hosts" => Replaced(entry, Hosts),
            HostName => Replaced(entry, resolver.HostName!),
            "etc/resolv.conf" when resolver.Link is null => Replaced(entry, resolver.Content),
            "etc/resolv.conf" => Entry.Symlink(entry.Name, resolver.Link, entry.Mode) with { Uid = entry.Uid, Gid = entry.Gid },
            "etc/mtab" => entry with { Time = Entry.MadeAt },
            _ => entry,
        };

    private static Entry Replaced(Entry entry, byte[] content) =>
        entry.Type == EntryType.Directory ? entry : Entry.File(entry.Name, content, entry.Type == EntryType.Symlink ? FileModes.File : entry.Mode) with { Uid = entry.Uid, Gid = entry.Gid };

    // Behind the image's own, so that they decide.
    private static IEnumerable<Entry> Made(Resolver resolver, bool hasMtab)
    {
        yield return Entry.Directory("dev");
        yield return Entry.Directory("dev/pts");
        yield return Entry.Directory("dev/shm");
        yield return Entry.Directory("etc");
        if (resolver.HostName is not null)
            yield return Entry.File(HostName, resolver.HostName);
        yield return Entry.File("etc/hosts", Hosts);
        if (!hasMtab)
            yield return Entry.Symlink("etc/mtab", "/proc/mounts", FileModes.Directory);
        yield return resolver.Link is null ? Entry.File("etc/resolv.conf", resolver.Content) : Entry.Symlink("etc/resolv.conf", resolver.Link, FileModes.File);
        yield return Entry.Directory("proc");
        yield return Entry.Directory("sys");
    }
}

/// <summary>What becomes of <c>etc/resolv.conf</c> and <c>etc/hostname</c>: how a system finds names, its own too.</summary>
/// <param name="Link">Where it points, or null for a file.</param>
/// <param name="Content">Of the file.</param>
internal sealed record Resolver(string? Link, byte[] Content)
{
    /// <summary>Of today's init images: the guest writes it.</summary>
    internal static readonly Resolver OfGuest = new("/run/resolvconf/resolv.conf", []);

    /// <summary>Of today's containers.</summary>
    internal static readonly Resolver None = new(null, Encoding.UTF8.GetBytes("\n# no resolv.conf configured\n"));

    /// <summary>Of 2017's images.</summary>
    internal static readonly Resolver Public2017 = new(null, Encoding.UTF8.GetBytes(
        "nameserver 8.8.8.8\nnameserver 8.8.4.4\nnameserver 2001:4860:4860::8888\nnameserver 2001:4860:4860::8844\n"))
    {
        HostName = Encoding.UTF8.GetBytes("moby"),
    };

    /// <summary>What <c>etc/hostname</c> becomes; null: it is left out.</summary>
    internal byte[]? HostName { get; private init; }
}
