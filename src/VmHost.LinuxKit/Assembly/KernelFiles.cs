using System.Formats.Tar;
using System.Text;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Assembly;

/// <summary>What is taken from a kernel's image: the kernel, its modules' archive, and microcode.</summary>
internal sealed class KernelFiles(KernelPart part, Image image, string binary, LayerLimits limits)
{
    internal const string Kernel = "boot/kernel";
    internal const string Cmdline = "boot/cmdline";
    internal const string Ucode = "boot/ucode.cpio";

    private const string Binary = "kernel";
    private const string Binary2017 = "bzImage";

    /// <summary>The kernel's path in its image: what the YAML says, else <c>kernel</c>, else 2017's <c>bzImage</c>.</summary>
    /// <exception cref="LinuxKitException">There is none.</exception>
    internal static string FindBinary(KernelPart part, Image image, LayerLimits limits)
    {
        if (part.Binary is not null)
            return EntryPath.Clean(part.Binary) ?? part.Binary;

        // Nothing behind the first kernel matters; the image is compared with its digests when it is read for good.
        return FirstKernel(new Flattener(image, limits)) ?? throw new LinuxKitException($"did not find kernel in kernel image: {image.Name} has neither {Binary} nor {Binary2017}; name the file with kernel: {{binary: …}}");
    }

    private static string? FirstKernel(Flattener files)
    {
        string? found = null;
        foreach (var entry in files.Entries())
        {
            if (entry.Name == Binary)
                return Binary;
            if (entry.Name == Binary2017)
                found = Binary2017;
        }

        return found;
    }

    /// <summary>True where the image is one of 2017.</summary>
    internal static bool Is2017(KernelPart part, string binary) => part.Binary is null && binary == Binary2017;

    internal IEnumerable<Entry> Entries()
    {
        var (hasBoot, hasKernel, hasTar) = (false, false, false);
        foreach (var entry in new Flattener(image, limits).Entries())
        {
            var isKernel = entry.Name == binary;
            var isUcode = part.Ucode.Length > 0 && entry.Name == EntryPath.Clean(part.Ucode);
            if ((isKernel || isUcode) && entry.Type != EntryType.File)
                throw NoFile(entry);
            if ((isKernel || isUcode) && !hasBoot)
            {
                hasBoot = true;
                yield return Entry.Directory("boot");
            }

            if (isKernel)
            {
                hasKernel = true;
                yield return Entry.File(Cmdline, Encoding.UTF8.GetBytes(part.Cmdline)) with { IsBootFile = true };
                yield return Moved(entry, Kernel);
            }
            else if (isUcode)
            {
                yield return Moved(entry, Ucode);
            }
            else if (part.Tar.Length > 0 && entry.Name == EntryPath.Clean(part.Tar))
            {
                hasTar = true;
                foreach (var inner in Inner(entry))
                    yield return inner;
            }
        }

        if (!hasKernel)
            throw new LinuxKitException($"did not find kernel in kernel image: {image.Name} has no {binary}");
        if (!hasTar && part.Tar.Length > 0)
            throw new LinuxKitException($"did not find kernel tar in kernel image: {image.Name} has no {part.Tar}; write kernel: {{tar: none}} where there are no modules");
    }

    private LinuxKitException NoFile(Entry entry)
    {
        var key = entry.Name == binary ? "binary" : "ucode";
        return entry.Type switch
        {
            EntryType.Symlink => new($"{image.Name}: {entry.Name} is a link; name the file itself: kernel: {{{key}: {EntryPath.Resolve(EntryPath.Parent(entry.Name), entry.Target)}}}"),
            EntryType.HardLink => new($"{image.Name}: {entry.Name} is a link; name the file itself: kernel: {{{key}: {entry.Target}}}"),
            _ => new($"{image.Name}: {entry.Name} is no file; name another: kernel: {{{key}: …}}"),
        };
    }

    private static Entry Moved(Entry entry, string name) => entry with { Name = name, Mode = FileModes.File, Uid = 0, Gid = 0, Time = Entry.MadeAt, IsBootFile = true };

    // As they are, names and times too: directories keep their slash.
    private IEnumerable<Entry> Inner(Entry archive)
    {
        var label = $"{image.Name}: {archive.Name}";
        using var filter = new TarMetadataFilter(archive.Content, label);
        using var tar = new TarReader(filter, leaveOpen: true);
        while (Next(tar, label) is { } entry)
            yield return TarEntries.Convert(entry, filter.Header, label, keepName: true);
    }

    private static TarEntry? Next(TarReader tar, string label)
    {
        try
        {
            return tar.GetNextEntry();
        }
        catch (Exception e) when (TarEntries.IsDamage(e))
        {
            throw new LinuxKitException($"{label} is no sound tar that is not packed: {e.Message}", e);
        }
    }
}
