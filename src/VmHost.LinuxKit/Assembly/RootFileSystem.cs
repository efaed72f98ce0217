using System.Text;
using System.Text.Json.Nodes;
using VmHost.LinuxKit.Bundles;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Assembly;

/// <summary>
/// All entries of a system, in the order of the reference tool (<c>moby/build/build.go</c>): kernel, init images, volumes, containers, files.
/// They are made while they are read, so that no image is ever in memory.
/// </summary>
internal sealed class RootFileSystem
{
    private const string ApkDatabase = "lib/apk/db/installed";
    private const int MaxApkDatabase = 64 << 20;

    private readonly ImageConfiguration _configuration;
    private readonly IReadOnlyDictionary<string, Image> _images;
    private readonly LayerLimits _limits;
    private readonly bool _is2017;
    private readonly string _kernelBinary = "";
    private readonly ExtraFiles _files;
    private readonly List<(ContainerSettings Settings, byte[] Config)> _containers = [];

    // Image name -> where its files are, over all sections.
    private readonly Dictionary<string, string> _unpacked = new(StringComparer.Ordinal);

    /// <summary>Checks all that can be checked before anything is written.</summary>
    /// <exception cref="LinuxKitException">Everything that is wrong.</exception>
    internal RootFileSystem(ImageConfiguration configuration, IReadOnlyDictionary<string, Image> images, BuildOptions options)
    {
        (_configuration, _images, _limits) = (configuration, images, options.Limits);
        var kernel = configuration.Kernel?.Image;
        if (kernel is not null)
            _kernelBinary = KernelFiles.FindBinary(configuration.Kernel!, images[kernel], _limits);
        _is2017 = options.Layout == Layout.Year2017
            || (options.Layout == Layout.Auto && (configuration.Outputs is not null || (kernel is not null && KernelFiles.Is2017(configuration.Kernel!, _kernelBinary))));

        var ids = ContainerIds.Allocate(configuration.Containers);
        _files = new(configuration.Files, ids, configuration.Merged, options.Directory, options.Home);
        Notes.AddRange(_files.Notes());
        var faults = _files.Faults().ToList();
        faults.AddRange(configuration.Volumes.Where(volume => volume.Platform is { } one && one.Text != $"linux/{options.Architecture}")
            .Select(volume => $"{volume.Platform!.Place}: the volume {volume.Name} is for {volume.Platform.Text}, and linux/{options.Architecture} is built for; other platforms in a volume are not supported"));
        foreach (var part in configuration.Containers)
        {
            try
            {
                var settings = new ContainerSettings(part, images[part.Image].Settings, readLabel: !_is2017);
                _containers.Add((settings, GoJson.Write(new OciConfig(settings, configuration.Volumes, ids, _is2017, options.Architecture).Build())));
                if (settings.Arguments.Count == 0)
                    Notes.Add($"{settings.What}: neither it nor its image has a command; the guest cannot start it");
            }
            catch (LinuxKitException e)
            {
                faults.AddRange(e.Faults);
            }
        }

        if (faults.Count > 0)
            throw new LinuxKitException(faults);
    }

    /// <summary>The layout that was chosen.</summary>
    internal Layout Layout => _is2017 ? Layout.Year2017 : Layout.Today;

    internal List<string> Notes { get; } = [];

    /// <summary>Once, from the first to the last.</summary>
    /// <param name="tell">Hears what is done now, in the reference tool's words.</param>
    internal IEnumerable<Entry> Entries(Action<string> tell) =>
        Kernel(tell).Concat(Init(tell)).Concat(Volumes(tell))
            .Concat(Containers("onboot", "Add onboot containers:", tell))
            .Concat(Containers("onshutdown", "Add onshutdown containers:", tell))
            .Concat(Containers("services", "Add service containers:", tell))
            .Concat(Files(tell))
            .Select(Dated);

    // What 2017's tool made itself has no time. An entry without an origin was made here.
    private Entry Dated(Entry entry) => _is2017 && entry.Origin.Length == 0 ? entry with { Time = 0 } : entry;

    private static IEnumerable<Entry> From(IEnumerable<Entry> entries, string source, string location) =>
        entries.Select(entry => entry with { Source = source, Location = location });

    private IEnumerable<Entry> Kernel(Action<string> tell)
    {
        if (_configuration.Kernel is not { Image: { } image } kernel)
            yield break;

        tell($"Extract kernel image: {image}");
        foreach (var entry in From(new KernelFiles(kernel, _images[image], _kernelBinary, _limits).Entries(), image, "kernel"))
            yield return entry;
    }

    private IEnumerable<Entry> Init(Action<string> tell)
    {
        if (_configuration.Init.Count > 0 || _is2017)
            tell("Add init containers:");

        var databases = new List<byte[]>();
        for (var i = 0; i < _configuration.Init.Count; i++)
        {
            var image = _configuration.Init[i];
            tell($"Process init image: {image}");
            foreach (var entry in From(ImageFiles.Of(_images[image], "", _is2017 ? Resolver.Public2017 : Resolver.OfGuest, _limits), image, $"init[{i}]"))
            {
                if (entry is { Name: ApkDatabase, Type: EntryType.File })
                    yield return entry with { Content = new MemoryStream(Kept(entry, databases), writable: false) };
                else
                    yield return entry;
            }
        }

        // Each image brings the list of its own packages: together they are what is installed.
        if (databases.Count > 1)
            yield return Entry.File(ApkDatabase, databases.SelectMany(bytes => bytes.Concat("\n\n"u8.ToArray())).ToArray()) with { Time = 0, Source = "init", Location = "init" };
    }

    private static byte[] Kept(Entry entry, List<byte[]> databases)
    {
        if (entry.Size > MaxApkDatabase)
            throw new LinuxKitException($"{entry.Origin}: {entry.Name} has {entry.Size} bytes; more than {MaxApkDatabase} are no list of packages");

        using var bytes = new MemoryStream();
        entry.CopyContent(new byte[64 << 10], bytes.Write);
        databases.Add(bytes.ToArray());
        return databases[^1];
    }

    private IEnumerable<Entry> Volumes(Action<string> tell)
    {
        if (_configuration.Volumes.Count > 0)
            tell("Add volumes:");

        for (var i = 0; i < _configuration.Volumes.Count; i++)
        {
            var volume = _configuration.Volumes[i];
            var lower = $"{volume.Directory}/lower/";
            var files = volume.Image is null ? EntryPath.Ancestors(lower).Select(directory => Entry.Directory(directory))
                : volume.IsOciLayout ? EntryPath.Ancestors(lower).Select(directory => Entry.Directory(directory)).Concat(OciLayout(_images[volume.Image], lower))
                : ImageFiles.Of(_images[volume.Image], lower, _is2017 ? Resolver.Public2017 : Resolver.OfGuest, _limits);
            Entry[] own = [Entry.Directory($"{volume.Directory}/tmp/"), Entry.Directory($"{volume.Directory}/merged/")];
            foreach (var entry in From(files.Concat(own), volume.Image ?? "empty", $"volume[{i}]"))
                yield return entry;
        }
    }

    private static IEnumerable<Entry> OciLayout(Image image, string prefix)
    {
        yield return Entry.File($"{prefix}oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray());
        yield return Entry.Directory($"{prefix}blobs");
        yield return Entry.Directory($"{prefix}blobs/sha256");
        foreach (var (digest, path) in image.Blobs)
        {
            using var file = new VerifiedStream(path, digest, image.Name);
            yield return Entry.File($"{prefix}blobs/sha256/{digest[7..]}", default) with { Size = file.Size, Content = file, Origin = path };
        }

        var index = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = Manifest.OciIndex, ["manifests"] = new JsonArray((image.Manifest with { Name = image.Name }).ToJson()) };
        yield return Entry.File($"{prefix}index.json", Encoding.UTF8.GetBytes(index.ToJsonString()));
    }

    private IEnumerable<Entry> Containers(string section, string heading, Action<string> tell)
    {
        var containers = _containers.Where(one => one.Settings.Part.Section == section).ToList();
        if (containers.Count > 0 || (_is2017 && section != "onshutdown"))
            tell(heading);

        foreach (var (settings, config) in containers)
        {
            tell($"  Create OCI config for {settings.Part.Image}");
            var bundle = new ContainerBundle(settings, _images[settings.Part.Image], config, _limits);
            var entries = _is2017 ? bundle.Entries2017() : bundle.EntriesToday(_unpacked);
            foreach (var entry in From(entries, settings.Part.Image, $"{section}[{settings.Part.Index}]"))
                yield return entry;
        }
    }

    private IEnumerable<Entry> Files(Action<string> tell)
    {
        if (_configuration.Files.Count > 0 || _is2017)
            tell("Add files:");
        foreach (var entry in _files.Entries(tell))
            yield return entry with { Source = "linuxkit.files" };
    }
}
