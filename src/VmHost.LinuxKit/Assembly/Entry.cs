namespace VmHost.LinuxKit.Assembly;

/// <summary>What an entry of a root file system is.</summary>
internal enum EntryType
{
    File,
    Directory,
    Symlink,
    HardLink,
    CharacterDevice,
    BlockDevice,
    Fifo,
}

/// <summary>One entry on its way from an image to the output. Entries are written at once and never gathered.</summary>
internal sealed record Entry
{
    /// <summary>The moment that made entries bear: 2017-04-18T16:30:00Z, as the reference tool has it.</summary>
    internal const long MadeAt = 1492533000;

    /// <summary>Without a slash before it.</summary>
    internal required string Name { get; init; }

    internal required EntryType Type { get; init; }

    /// <summary>Permissions with setuid, setgid and sticky.</summary>
    internal required int Mode { get; init; }

    internal long Uid { get; init; }

    internal long Gid { get; init; }

    /// <summary>Seconds since 1970.</summary>
    internal long Time { get; init; } = MadeAt;

    /// <summary>Of a file, in bytes.</summary>
    internal long Size { get; init; }

    /// <summary>Of a file: exactly <see cref="Size"/> bytes, which can be read once and until the next entry is asked for.</summary>
    internal Stream Content { get; init; } = Stream.Null;

    /// <summary>Of a symlink as it is; of a hard link a path from the root.</summary>
    internal string Target { get; init; } = "";

    internal int DeviceMajor { get; init; }

    internal int DeviceMinor { get; init; }

    /// <summary>Image and layer, or what else it comes from; for errors.</summary>
    internal string Origin { get; init; } = "";

    /// <summary>The image, or <c>linuxkit.files</c> and the like; tar outputs say so.</summary>
    internal string Source { get; init; } = "";

    /// <summary>The place in the YAML, such as <c>init[0]</c>; tar outputs say so.</summary>
    internal string Location { get; init; } = "";

    /// <summary>Kernel, command line or microcode: files of their own where there is an initrd. What else is below <c>boot/</c> no initrd holds.</summary>
    internal bool IsBootFile { get; init; }

    /// <summary>Extended attributes by their PAX names; only tar outputs can hold them.</summary>
    internal IReadOnlyDictionary<string, byte[]> Attributes { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, byte[]>.Empty;

    /// <summary>Hands its bytes to <paramref name="write"/>.</summary>
    /// <exception cref="LinuxKitException">There are fewer than it said.</exception>
    internal void CopyContent(Span<byte> buffer, WriteBytes write)
    {
        for (var left = Size; left > 0;)
        {
            var count = ReadContent(buffer[..(int)Math.Min(buffer.Length, left)]);
            write(buffer[..count]);
            left -= count;
        }
    }

    private int ReadContent(Span<byte> buffer)
    {
        try
        {
            return Content.Read(buffer) is > 0 and var count ? count : throw new EndOfStreamException("it ends too early");
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new LinuxKitException($"{Origin}: {Name} cannot be read: {e.Message}", e);
        }
    }

    internal static Entry Directory(string name, int mode = FileModes.Directory) => new() { Name = name, Type = EntryType.Directory, Mode = mode };

    internal static Entry File(string name, ReadOnlyMemory<byte> content, int mode = FileModes.File) =>
        new() { Name = name, Type = EntryType.File, Mode = mode, Size = content.Length, Content = new MemoryStream(content.ToArray(), writable: false) };

    internal static Entry Symlink(string name, string target, int mode) => new() { Name = name, Type = EntryType.Symlink, Mode = mode, Target = target };
}

/// <summary>Takes some bytes.</summary>
internal delegate void WriteBytes(ReadOnlySpan<byte> bytes);
