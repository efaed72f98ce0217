using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Configuration;

/// <summary>Which generation's files are written: what the guest's init expects.</summary>
public enum Layout
{
    /// <summary>2017's where the YAML has <c>outputs</c> or the kernel's image holds <c>bzImage</c> only, else today's.</summary>
    Auto,

    /// <summary>As <c>moby build</c> wrote in April 2017: whole root file systems, no <c>runtime.json</c>.</summary>
    Year2017,

    /// <summary>As <c>linuxkit build</c> writes now.</summary>
    Today,
}

/// <summary>One or several YAML files, merged and checked.</summary>
internal sealed record ImageConfiguration
{
    internal KernelPart? Kernel { get; init; }

    internal IReadOnlyList<string> Init { get; init; } = [];

    internal IReadOnlyList<VolumePart> Volumes { get; init; } = [];

    internal IReadOnlyList<ContainerPart> OnBoot { get; init; } = [];

    internal IReadOnlyList<ContainerPart> OnShutdown { get; init; } = [];

    internal IReadOnlyList<ContainerPart> Services { get; init; } = [];

    internal IReadOnlyList<FilePart> Files { get; init; } = [];

    /// <summary>What 2017's key <c>outputs</c> lists; null without that key.</summary>
    internal IReadOnlyList<string>? Outputs { get; init; }

    /// <summary>What is accepted and means less than its writer may think.</summary>
    internal IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>All that was written, merged; for files with <c>metadata</c>.</summary>
    internal required YamlValue Merged { get; init; }

    /// <summary>Containers in the order in which they get ids.</summary>
    internal IEnumerable<ContainerPart> Containers => [.. OnBoot, .. OnShutdown, .. Services];

    /// <summary>Every image once, in the order of the text.</summary>
    internal IReadOnlyList<string> ImageNames =>
        [.. new[] { Kernel?.Image }
            .Concat(Init)
            .Concat(Volumes.Select(volume => volume.Image))
            .Concat(Containers.Select(container => container.Image))
            .OfType<string>()
            .Distinct(StringComparer.Ordinal)];
}

/// <param name="Image">Where the kernel comes from.</param>
/// <param name="Cmdline">Written as it is.</param>
/// <param name="Binary">The kernel's path in the image; null: <c>kernel</c>, or <c>bzImage</c> where there is none.</param>
/// <param name="Tar">Path of an archive of modules in the image; empty: none.</param>
/// <param name="Ucode">Path of a microcode archive in the image; empty: none.</param>
internal sealed record KernelPart(string? Image, string Cmdline, string? Binary, string Tar, string Ucode);

/// <param name="Section"><c>onboot</c>, <c>onshutdown</c> or <c>services</c>.</param>
/// <param name="Index">From 0, in its section.</param>
/// <param name="Name">Also the container's id.</param>
/// <param name="Image">As it was written.</param>
/// <param name="Own">All its keys.</param>
internal sealed record ContainerPart(string Section, int Index, string Name, string Image, YamlValue Own)
{
    /// <summary>Of its bundle, from the root.</summary>
    internal string Directory => Section == "services" ? $"containers/services/{Name}" : $"containers/{Section}/{Index:D3}-{Name}";
}

/// <param name="Name">Unique.</param>
/// <param name="Image">What it begins with; null: empty.</param>
/// <param name="ReadOnly">Whether containers have to mount it so.</param>
/// <param name="IsOciLayout">The image itself is put there, and not its files.</param>
internal sealed record VolumePart(string Name, string? Image, bool ReadOnly, bool IsOciLayout)
{
    internal string Directory => $"containers/volumes/{Name}";

    /// <summary>What it is for, such as <c>linux/amd64</c>; null: what is built for.</summary>
    internal YamlValue? Platform { get; init; }
}

/// <summary>What a file of <c>files</c> is made of.</summary>
internal enum FileKind
{
    Contents,
    Directory,
    Symlink,
    Source,
    Metadata,
}

/// <param name="Path">Without a slash before it.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Contents, link target or source path.</param>
/// <param name="IsOptional">A source that is missing is left out.</param>
/// <param name="Mode">Permission bits.</param>
/// <param name="Uid">A number, or a container's name.</param>
/// <param name="Gid">A number, or a container's name.</param>
/// <param name="Place">Where it was written.</param>
internal sealed record FilePart(string Path, FileKind Kind, string Text, bool IsOptional, int Mode, string Uid, string Gid, YamlPlace Place)
{
    /// <summary>Where a source is.</summary>
    /// <param name="directory">What it is relative to.</param>
    /// <param name="home">What <c>~</c> stands for.</param>
    internal string SourcePath(string directory, string home) =>
        System.IO.Path.GetFullPath(Text.StartsWith("~/", StringComparison.Ordinal) ? System.IO.Path.Combine(home, Text[2..]) : Text, directory);
}
