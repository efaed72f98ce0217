using System.Text.RegularExpressions;
using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Configuration;

/// <summary>From YAML texts to one checked configuration. All faults of all texts come at once.</summary>
internal sealed partial class ConfigurationReader
{
    private static readonly string[] ListKeys = ["init", "volumes", "onboot", "onshutdown", "services", "files", "outputs"];

    private readonly List<string> _faults = [];
    private readonly List<string> _notes = [];

    /// <param name="texts">Names for errors, and YAML; at least one.</param>
    /// <exception cref="LinuxKitException">Something in them is wrong.</exception>
    internal static ImageConfiguration Read(IReadOnlyList<(string File, string Text)> texts)
    {
        var roots = texts.Select(text => YamlReader.Read(text.File, text.Text)).ToList();
        var faults = roots.SelectMany(root => ShapeChecker.Faults(root, LinuxKitSchema.Root, "")).ToList();
        if (faults.Count > 0)
            throw new LinuxKitException(faults);

        return new ConfigurationReader().Convert(Merge(roots));
    }

    // A later file's kernel fields count one by one, where they say something (an empty tar says that there is none); its lists are added.
    private static YamlValue Merge(List<YamlValue> roots)
    {
        var members = new List<YamlMember>();
        foreach (var member in roots.SelectMany(root => root.Members))
        {
            var at = members.FindIndex(one => one.Key == member.Key);
            if (at < 0)
                members.Add(member);
            else if (ListKeys.Contains(member.Key))
                members[at] = members[at] with { Value = List(members[at].Value, [.. members[at].Value.Items, .. member.Value.Items]) };
            else
                members[at] = members[at] with { Value = Overlay(members[at].Value, member.Value) };
        }

        return new() { Kind = YamlKind.Map, Place = roots[0].Place, Members = members };
    }

    private static YamlValue List(YamlValue like, IReadOnlyList<YamlValue> items) => new() { Kind = YamlKind.List, Place = like.Place, Items = items };

    private static YamlValue Overlay(YamlValue below, YamlValue above)
    {
        var said = above.Members.Where(member => member.Key is not ("image" or "cmdline" or "binary") || member.Value.Text.Length > 0).ToList();
        return new() { Kind = YamlKind.Map, Place = below.Place, Members = [.. below.Members.Where(member => !said.Exists(one => one.Key == member.Key)), .. said] };
    }

    private ImageConfiguration Convert(YamlValue root)
    {
        var services = Containers(root, "services");
        var volumes = Items(root, "volumes").Select(Volume).ToList();
        Unique(services.Select(service => (service.Name, service.Own.Place)), "service");
        Unique(volumes.Select((volume, i) => (volume.Name, root["volumes"]!.Items[i].Place)), "volume");
        if (root["trust"] is { } trust)
            _notes.Add($"{trust.Place}: trust is not used any more; pin an image by its digest (name@sha256:…), or build with --lock and --locked");

        var configuration = new ImageConfiguration
        {
            Kernel = root["kernel"] is { } kernel ? Kernel(kernel) : null,
            Init = root["init"]?.Texts() ?? [],
            Volumes = volumes,
            OnBoot = Containers(root, "onboot"),
            OnShutdown = Containers(root, "onshutdown"),
            Services = services,
            Files = [.. Items(root, "files").Select(File).OfType<FilePart>()],
            Outputs = root["outputs"] is { } outputs ? [.. outputs.Items.Select(Output)] : null,
            Notes = _notes,
            Merged = root,
        };
        if (configuration.Outputs is not null)
            _notes.Add($"{root["outputs"]!.Place}: outputs is 2017's word; today it is vmctl build --format");
        return _faults.Count == 0 ? configuration : throw new LinuxKitException(_faults);
    }

    private static IReadOnlyList<YamlValue> Items(YamlValue root, string key) => root[key]?.Items ?? [];

    private static KernelPart Kernel(YamlValue kernel)
    {
        var tar = kernel["tar"]?.Text ?? "kernel.tar";
        return new(NonEmpty(kernel["image"]), kernel["cmdline"]?.Text ?? "", NonEmpty(kernel["binary"]), tar == "none" ? "" : tar, kernel["ucode"]?.Text ?? "");
    }

    private List<ContainerPart> Containers(YamlValue root, string section) =>
        [.. Items(root, section).Select((own, index) =>
        {
            var name = own["name"]!.Text;
            if (!ContainerName().IsMatch(name))
                _faults.Add($"{own["name"]!.Place}: {section}[{index}].name is '{name}'; a container's name has letters, digits, '.', '_' and '-', and begins with a letter or digit");
            if (own["disableOOMKiller"] is { } oom)
                _notes.Add($"{oom.Place}: disableOOMKiller is 2017's word; today it is resources: {{memory: {{disableOOMKiller: true}}}}");
            return new ContainerPart(section, index, name, own["image"]!.Text, own);
        })];

    private VolumePart Volume(YamlValue own)
    {
        var name = own["name"]!.Text;
        if (!VolumeName().IsMatch(name))
            _faults.Add($"{own["name"]!.Place}: a volume's name has small letters, digits, '_' and '-', not '{name}'");

        var format = own["format"]?.Text ?? "";
        if (format is not ("" or "filesystem" or "oci"))
            _faults.Add($"{own["format"]!.Place}: a volume's format is filesystem or oci, not '{format}'");
        if (own["platforms"] is { Items.Count: > 1 } platforms)
            _faults.Add($"{platforms.Place}: more than one platform in a volume is not supported; leave platforms out for the one that is built for");
        return new(name, NonEmpty(own["image"]), own["readonly"]?.IsTrue == true, format == "oci") { Platform = own["platforms"] is { Items: [var platform, ..] } ? platform : null };
    }

    private FilePart? File(YamlValue own)
    {
        var path = own["path"]!.Text;
        var clean = EntryPath.Clean(path);
        if (clean is null or ".")
            return Fault(own["path"]!.Place, $"the path '{path}' is not within the image; it may not have .. in it, or be empty");

        var isDirectory = own["directory"]?.IsTrue == true;
        var made = isDirectory || NonEmpty(own["symlink"]) is not null || own["contents"] is not null;
        if (made && (own["source"] ?? own["metadata"]) is not null)
            return Fault(own.Place, $"the file {path} has contents, is a directory or a symlink, and so has neither source nor metadata");
        if (own["source"] is not null && own["metadata"] is not null)
            return Fault(own.Place, $"the file {path} has source or metadata, not both");
        if (isDirectory && own["contents"] is not null)
            return Fault(own.Place, $"the file {path} is a directory, and so has no contents");
        if (!made && own["source"] is null && own["metadata"] is null)
            return Fault(own.Place, $"contents of file ({path}) not specified; give it contents, source, symlink, metadata, or directory: true");
        if (own["metadata"] is { Text: not ("yaml" or "json") } metadata)
            return Fault(metadata.Place, $"metadata of {path} is yaml or json, not '{metadata.Text}'");

        var (kind, text) = isDirectory ? (FileKind.Directory, "")
            : NonEmpty(own["symlink"]) is { } target ? (FileKind.Symlink, target)
            : own["contents"] is { } contents ? (FileKind.Contents, contents.Text)
            : own["source"] is { } source ? (FileKind.Source, source.Text)
            : (FileKind.Metadata, own["metadata"]!.Text);
        return new(clean, kind, text, own["optional"]?.IsTrue == true, Mode(own["mode"], isDirectory), own["uid"]?.Scalar ?? "", own["gid"]?.Scalar ?? "", own.Place);
    }

    private int Mode(YamlValue? mode, bool isDirectory)
    {
        const int Highest = 0xFFF; // 07777
        if (NonEmpty(mode) is not { } text)
            return isDirectory ? FileModes.OwnerDirectory : FileModes.OwnerFile;
        if (text.Length <= 5 && text.All(digit => digit is >= '0' and <= '7') && System.Convert.ToInt32(text, 8) is var bits and <= Highest)
            return bits;

        _faults.Add($"{mode!.Place}: a mode is octal, such as \"0644\", not '{text}'");
        return 0;
    }

    private string Output(YamlValue output)
    {
        if (output["format"] is not { } format)
            _faults.Add($"{output.Place}: an output lacks the key format");
        return output["format"]?.Text ?? "";
    }

    private FilePart? Fault(YamlPlace place, string fault)
    {
        _faults.Add($"{place}: {fault}");
        return null;
    }

    private void Unique(IEnumerable<(string Name, YamlPlace Place)> names, string what)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, place) in names)
        {
            if (!seen.Add(name))
                _faults.Add($"{place}: there are two {what}s with the name {name}; names are unique");
        }
    }

    private static string? NonEmpty(YamlValue? value) => value is { Text.Length: > 0 } ? value.Text : null;

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,75}\z", RegexOptions.NonBacktracking)]
    private static partial Regex ContainerName();

    [GeneratedRegex(@"\A[a-z0-9_-]{1,64}\z", RegexOptions.NonBacktracking)]
    private static partial Regex VolumeName();
}
