using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Bundles;

/// <summary>What a container is to be: the YAML's keys before those of its image's label, and those before the image itself.</summary>
internal sealed class ContainerSettings
{
    private readonly YamlValue? _label;

    /// <param name="part">The YAML's.</param>
    /// <param name="image">Its image's.</param>
    /// <param name="readLabel">2017's tool did not.</param>
    /// <exception cref="LinuxKitException">The label is wrong.</exception>
    internal ContainerSettings(ContainerPart part, ImageSettings image, bool readLabel)
    {
        (Part, Image) = (part, image);
        if (!readLabel || image.Label is null)
            return;

        var what = $"{part.Image}: label org.mobyproject.config";
        _label = YamlReader.Read(what, image.Label);
        var faults = ShapeChecker.Faults(_label, LinuxKitSchema.Label, "the label");
        if (faults.Count > 0)
            throw new LinuxKitException([.. faults.Select(fault => $"invalid configuration label: {fault}")]);
    }

    internal ContainerPart Part { get; }

    internal ImageSettings Image { get; }

    internal bool IsReadOnly => Value("readonly")?.IsTrue == true;

    /// <summary>For errors.</summary>
    internal string What => $"{Part.Own.Place}: {Part.Section} {Part.Name}";

    /// <summary>The YAML's where the key is there, even if it holds nothing, else the label's.</summary>
    internal YamlValue? Value(string key) => Part.Own[key] ?? _label?[key];

    /// <summary>The YAML's where it is not empty, else the label's, else <paramref name="otherwise"/>.</summary>
    internal string Text(string key, string otherwise = "") =>
        Part.Own[key] is { Text.Length: > 0 } own ? own.Text : _label?[key] is { Text.Length: > 0 } label ? label.Text : otherwise;

    internal IReadOnlyList<string> Texts(string key) => Value(key)?.Texts() ?? [];

    /// <summary>A list that <c>key.add</c> adds to, unless the YAML has it whole.</summary>
    internal IReadOnlyList<string> TextsAndMore(string key) =>
        Part.Own[key] is { } whole ? whole.Texts() : [.. _label?[key]?.Texts() ?? [], .. Value($"{key}.add")?.Texts() ?? []];

    internal IReadOnlyList<string> Arguments => Value("command")?.Texts() ?? [.. Image.Entrypoint, .. Image.Command];

    /// <summary>One value below <c>runtime</c>: the YAML's, else the label's.</summary>
    internal YamlValue? Runtime(params ReadOnlySpan<string> keys)
    {
        var (own, label) = (Part.Own["runtime"], _label?["runtime"]);
        foreach (var key in keys)
            (own, label) = (own?[key], label?[key]);
        return own ?? label;
    }
}
