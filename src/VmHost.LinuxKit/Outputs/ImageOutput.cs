using System.Text;
using VmHost.LinuxKit.Assembly;
using VmHost.LinuxKit.Configuration;

namespace VmHost.LinuxKit.Outputs;

/// <summary>From entries to files. What is written is the reference tool's (<c>moby/build/output.go</c>).</summary>
/// <param name="directory">Where they go.</param>
/// <param name="name">What their names begin with.</param>
/// <param name="layout">In 2017 the kernel's name was another.</param>
/// <param name="compression">Of the initrd.</param>
/// <param name="threads">That pack.</param>
internal sealed class ImageOutput(string directory, string name, Layout layout, Compression compression, int threads)
{
    private string KernelName => $"{name}-{(layout == Layout.Year2017 ? "bzImage" : "kernel")}";

    private string InitrdName => $"{name}-initrd.img";

    private string CmdlineName => $"{name}-cmdline";

    /// <summary>What the reference tool says it writes; also where there is no kernel or command line.</summary>
    internal string Announcement(IReadOnlyList<OutputFormat> formats) =>
        "  " + string.Join(' ', formats.Select(format => format switch
        {
            OutputFormat.Tar => $"{name}.tar",
            OutputFormat.Docker => $"{name}.docker",
            OutputFormat.TarKernelInitrd => $"{name}-initrd.tar",
            _ => $"{KernelName} {InitrdName} {CmdlineName}",
        }));

    /// <param name="entries">Read once.</param>
    /// <param name="formats">At least one.</param>
    /// <param name="inputs">What the files are made from, for the stamp.</param>
    /// <param name="ct">Ends it; nothing is changed then.</param>
    /// <returns>The files' paths.</returns>
    /// <exception cref="LinuxKitException">The files would not be taken where they are to go.</exception>
    internal async Task<IReadOnlyList<string>> WriteAsync(IEnumerable<Entry> entries, IReadOnlyList<OutputFormat> formats, string inputs, CancellationToken ct)
    {
        var preferred = Path.Combine(directory, $"{name}-kernel");
        if (layout == Layout.Year2017 && formats.Contains(OutputFormat.KernelAndInitrd) && File.Exists(preferred) && !(await BuildStamp.LastBuildAsync(directory, name, ct)).Unchanged.Contains(preferred))
            throw new LinuxKitException($"{preferred} is there, and no build of vmctl's: a machine would take it, and not {KernelName}; remove it, or choose another name or directory");

        using var files = new NewFiles(directory);
        files.RemoveLeftOvers(name);
        if (formats[0] is OutputFormat.Tar or OutputFormat.Docker)
            WriteTar(entries, formats[0], files, ct);
        else
            WriteInitrd(entries, formats, files, ct);

        using var stamp = await BuildStamp.OpenAsync(directory, name, ct);
        stamp.Clear();
        files.Publish();
        stamp.RemoveStale(files.Paths);
        string[] order = [KernelName, InitrdName, CmdlineName];
        IReadOnlyList<string> written = [.. files.Paths.OrderBy(path => Array.IndexOf(order, Path.GetFileName(path)))];
        stamp.Write(inputs, written);
        return written;
    }

    private void WriteTar(IEnumerable<Entry> entries, OutputFormat format, NewFiles files, CancellationToken ct)
    {
        var output = files.Create(format == OutputFormat.Tar ? $"{name}.tar" : $"{name}.docker");
        var tar = new PaxWriter(output);
        foreach (var entry in entries)
        {
            ct.ThrowIfCancellationRequested();
            tar.Write(entry);
        }

        if (format == OutputFormat.Docker)
            tar.Write(Entry.File("Dockerfile", Encoding.UTF8.GetBytes("FROM scratch\nCOPY . ./\nENTRYPOINT [\"/bin/rc.init\"]\n")));
        tar.Finish();
    }

    private void WriteInitrd(IEnumerable<Entry> entries, IReadOnlyList<OutputFormat> formats, NewFiles files, CancellationToken ct)
    {
        var isTriple = formats.Contains(OutputFormat.KernelAndInitrd);
        FileStream Part(string partName) => files.Create(isTriple ? partName : "");

        FileStream? kernel = null, cmdline = null, ucode = null;
        var packed = Part(InitrdName);
        using var initrd = new InitrdStream(packed, compression, threads);
        var buffer = new byte[256 << 10];
        foreach (var entry in entries)
        {
            ct.ThrowIfCancellationRequested();
            switch (entry.Name)
            {
                case KernelFiles.Kernel when entry.IsBootFile:
                    entry.CopyContent(buffer, (kernel = Part(KernelName)).Write);
                    break;
                case KernelFiles.Cmdline when entry.IsBootFile && entry.Size > 0:
                    entry.CopyContent(buffer, (cmdline = Part(CmdlineName)).Write);
                    break;
                case KernelFiles.Ucode when entry.IsBootFile:
                    entry.CopyContent(buffer, (ucode = files.Create("")).Write);
                    break;
                case var other when !other.StartsWith("boot/", StringComparison.Ordinal):
                    initrd.Archive.Write(entry);
                    break;
            }
        }

        initrd.Finish();
        if (formats.Contains(OutputFormat.TarKernelInitrd))
            WriteTarOf([("kernel", kernel), ("initrd.img", packed), ("cmdline", cmdline), ("ucode.cpio", ucode)], files.Create($"{name}-initrd.tar"));
        if (ucode is not null)
            Prepend(ucode, packed);
    }

    // Microcode has to be the first of all, unpacked, and its place in the kernel's image may be the last.
    private static void Prepend(FileStream ucode, FileStream packed)
    {
        var length = ucode.Length;
        var buffer = new byte[1 << 20];
        packed.Flush();
        for (var end = packed.Length; end > 0;)
        {
            var count = (int)Math.Min(buffer.Length, end);
            end -= count;
            packed.Position = end;
            packed.ReadExactly(buffer, 0, count);
            packed.Position = end + length;
            packed.Write(buffer, 0, count);
        }

        (ucode.Position, packed.Position) = (0, 0);
        ucode.CopyTo(packed);
    }

    private static void WriteTarOf(IEnumerable<(string Name, FileStream? Content)> parts, FileStream output)
    {
        var tar = new PaxWriter(output);
        foreach (var (part, content) in parts)
        {
            if (content is null)
                continue;

            content.Flush();
            content.Position = 0;
            tar.Write(Entry.File(part, default) with { Size = content.Length, Content = content });
        }

        tar.Finish();
    }
}
