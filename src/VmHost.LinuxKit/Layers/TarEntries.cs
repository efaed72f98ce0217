using System.Formats.Tar;
using System.Text;
using VmHost.LinuxKit.Assembly;

namespace VmHost.LinuxKit.Layers;

/// <summary>From a tar's entry to one of a root file system, cleaned and checked.</summary>
internal static class TarEntries
{
    /// <summary>PATH_MAX of Linux, with the NUL behind a path.</summary>
    internal const int MaxNameBytes = 4096;

    private const int MaxPartBytes = 255; // NAME_MAX

    /// <param name="entry">As the framework read it: kind, mode, device and content.</param>
    /// <param name="header">All else.</param>
    /// <param name="label">Where from, to begin errors with.</param>
    /// <param name="keepName">The name stays as it is written, with what is before and behind it: <c>./lib/</c>.</param>
    /// <exception cref="LinuxKitException">It leads out of the tree, or Linux cannot hold it.</exception>
    internal static Entry Convert(TarEntry entry, TarHeader header, string label, bool keepName = false)
    {
        if (header.IsSparse)
            throw new LinuxKitException($"{label}: {header.Name} is a sparse file, kept in pieces; make the layer without tar's --sparse");

        var type = entry.EntryType switch
        {
            TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile => EntryType.File,
            TarEntryType.Directory => EntryType.Directory,
            TarEntryType.SymbolicLink => EntryType.Symlink,
            TarEntryType.HardLink => EntryType.HardLink,
            TarEntryType.CharacterDevice => EntryType.CharacterDevice,
            TarEntryType.BlockDevice => EntryType.BlockDevice,
            TarEntryType.Fifo => EntryType.Fifo,
            _ => throw new LinuxKitException($"{label}: {header.Name} is of the kind {entry.EntryType}, which no root file system can hold"),
        };
        var name = Checked(header.Name, header.Name, label);
        var device = type is EntryType.CharacterDevice or EntryType.BlockDevice ? entry as PosixTarEntry : null;
        return new()
        {
            Name = keepName ? header.Name.TrimStart('/') : name,
            Type = type,
            Mode = (int)entry.Mode & FileModes.Mask,
            Uid = Owner(header.Uid, header, label),
            Gid = Owner(header.Gid, header, label),
            Time = header.Time,
            Size = type == EntryType.File ? entry.Length : 0,
            Content = entry.DataStream ?? Stream.Null,
            Target = type switch
            {
                EntryType.Symlink => Target(header, label),
                EntryType.HardLink => Checked(header.Link, header.Name, label),
                _ => "",
            },
            DeviceMajor = device?.DeviceMajor ?? 0,
            DeviceMinor = device?.DeviceMinor ?? 0,
            Attributes = header.Attributes,
            Origin = label,
        };
    }

    /// <summary>What reading a damaged tar throws.</summary>
    internal static bool IsDamage(Exception e) =>
        e is InvalidDataException or IOException or FormatException or ArgumentException or OverflowException or NotSupportedException or InvalidOperationException;

    // Some tools write a number of 32 bits as a negative one.
    private static long Owner(long id, TarHeader header, string label) =>
        id is >= int.MinValue and <= uint.MaxValue ? id
        : throw new LinuxKitException($"{label}: {header.Name} belongs to the user or group {id}; Linux knows numbers up to {uint.MaxValue}");

    private static string Target(TarHeader header, string label) =>
        header.Link.Length is > 0 and < MaxNameBytes
            ? header.Link
            : throw new LinuxKitException($"{label}: the link {header.Name} has a target of {header.Link.Length} characters; 1 to {MaxNameBytes - 1} are possible");

    private static string Checked(string path, string entryName, string label)
    {
        var name = EntryPath.Clean(path) ?? throw new LinuxKitException($"{label}: the entry {entryName} leads out of the image ({path})");
        var bytes = Encoding.UTF8.GetByteCount(name);
        if (bytes >= MaxNameBytes || (bytes > MaxPartBytes && name.Split('/').Any(part => Encoding.UTF8.GetByteCount(part) > MaxPartBytes)))
            throw new LinuxKitException($"{label}: the entry {name[..Math.Min(name.Length, 100)]}… has a name that Linux cannot hold: more than {MaxNameBytes - 1} bytes, or {MaxPartBytes} between two slashes");
        return name;
    }
}
