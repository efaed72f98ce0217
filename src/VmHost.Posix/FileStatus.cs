using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>What a path leads to.</summary>
public enum FileType
{
    /// <summary>None of the others, or nothing at all.</summary>
    Other,

    /// <summary>A file with content.</summary>
    Regular,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A named pipe; opening one may wait for ever.</summary>
    Fifo,

    /// <summary>A Unix socket.</summary>
    Socket,

    /// <summary>A character device, such as a terminal.</summary>
    CharacterDevice,

    /// <summary>A block device, such as a disk.</summary>
    BlockDevice,

    /// <summary>A symbolic link; only <see cref="FileStatus.TryGetLink"/> reports one.</summary>
    SymbolicLink,
}

/// <summary>Why a path leads to nothing that could be asked about; the same words on every system, unlike errno.</summary>
public enum FileFailure
{
    /// <summary>It did not fail.</summary>
    None,

    /// <summary>ENOENT: no such file, or a symbolic link to nothing.</summary>
    NotFound,

    /// <summary>ENOTDIR: a part of the path is no directory.</summary>
    NotDirectory,

    /// <summary>EACCES or EPERM: this user may not.</summary>
    AccessDenied,

    /// <summary>ELOOP: symbolic links that lead in a circle.</summary>
    LinkLoop,

    /// <summary>ENAMETOOLONG: the path, or a part of it, is longer than the file system takes.</summary>
    NameTooLong,

    /// <summary>Anything else; the errno tells.</summary>
    Other,
}

/// <summary>The facts about a file that <c>stat</c> tells, after following symbolic links.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly partial record struct FileStatus
{
    private static int BufferSize { get; } =
        (OperatingSystem.IsMacOS() ? StatTable.StatSize : StatTable.StatxSize).Value;

    /// <summary>What the path leads to.</summary>
    public FileType Type { get; private init; }

    /// <summary>In bytes; 0 for most that is no regular file.</summary>
    public long Size { get; private init; }

    /// <summary>The file's number within <see cref="Device"/>.</summary>
    public ulong Inode { get; private init; }

    /// <summary>The file system that holds it; comparable on one host between two reboots only.</summary>
    public ulong Device { get; private init; }

    /// <summary>The number of a device file's driver; Linux only.</summary>
    public uint SpecialMajor { get; private init; }

    /// <summary>The number of a device file's device within its driver; Linux only.</summary>
    public uint SpecialMinor { get; private init; }

    /// <summary>The owner's user id.</summary>
    public uint Owner { get; private init; }

    /// <summary>How many names the file has.</summary>
    public uint LinkCount { get; private init; }

    /// <summary>Last change of the content, in nanoseconds since 1970-01-01 UTC.</summary>
    public long ModifiedAt { get; private init; }

    /// <summary>Why it failed; <see cref="FileFailure.None"/> when it did not.</summary>
    public FileFailure Failure { get; private init; }

    /// <summary>The errno of the failure; 0 when there was none. Its numbers differ between systems.</summary>
    public int Errno { get; private init; }

    /// <summary>Asks about the file that <paramref name="path"/> leads to. Opens nothing, so it never waits for a peer.</summary>
    /// <param name="path">Without NUL, which would cut it.</param>
    /// <param name="status">The facts, or the reason of the failure.</param>
    /// <returns>False when there is no such file or it may not be asked about.</returns>
    /// <exception cref="ArgumentException">The path contains NUL.</exception>
    public static bool TryGet(string path, out FileStatus status)
    {
        RefuseNul(path);

        Span<byte> buffer = stackalloc byte[BufferSize];
        buffer.Clear();
        var result = OperatingSystem.IsMacOS()
            ? IsInode64Named ? StatInode64(path, ref buffer[0]) : Stat(path, ref buffer[0])
            : Statx(StatTable.CurrentDirectory.Value, path, 0, (uint)StatTable.BasicStats.Value, ref buffer[0]);

        return Finish(result, buffer, out status);
    }

    /// <summary>As <see cref="TryGet(string, out FileStatus)"/>, about the link itself where the path's last name is one.</summary>
    /// <param name="path">Without NUL.</param>
    /// <param name="status">The facts, or the reason of the failure.</param>
    /// <returns>False when there is no such file or it may not be asked about.</returns>
    /// <exception cref="ArgumentException">The path contains NUL.</exception>
    public static bool TryGetLink(string path, out FileStatus status)
    {
        RefuseNul(path);

        Span<byte> buffer = stackalloc byte[BufferSize];
        buffer.Clear();
        var result = OperatingSystem.IsMacOS()
            ? IsInode64Named ? LstatInode64(path, ref buffer[0]) : Lstat(path, ref buffer[0])
            : Statx(StatTable.CurrentDirectory.Value, path, StatTable.NoFollow.Value, (uint)StatTable.BasicStats.Value, ref buffer[0]);

        return Finish(result, buffer, out status);
    }

    /// <summary>
    /// Opens a regular file for reading, and nothing else: neither a FIFO nor a device is waited for, not even one that
    /// takes the file's place between the look and the opening.
    /// </summary>
    /// <param name="path">Without NUL.</param>
    /// <param name="status">The facts about the opened file; or about what stands there instead; or the failure.</param>
    /// <returns>The open file, owned by the caller; null when it is not regular, not there or not readable.</returns>
    /// <exception cref="ArgumentException">The path contains NUL.</exception>
    public static SafeFileHandle? OpenRegular(string path, out FileStatus status)
    {
        // Looked at first: the mere opening of a device can have an effect (a tape rewinds).
        if (!TryGet(path, out status) || status.Type != FileType.Regular)
            return null;

        // Non-blocking, in case a FIFO took the place of the file.
        var descriptor = Descriptor.TryOpen(path, Descriptor.ReadOnly | Descriptor.NonBlocking);
        if (descriptor < 0)
        {
            status = Failed(Descriptor.LastError);
            return null;
        }

        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (TryGetOpen(descriptor, out status) && status.Type == FileType.Regular)
            return file;

        file.Dispose();
        return null;
    }

    /// <summary>Asks about an open file.</summary>
    /// <param name="file">Open; stays so.</param>
    /// <param name="status">The facts, or the reason of the failure.</param>
    public static bool TryGet(SafeFileHandle file, out FileStatus status)
    {
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            return TryGetOpen((int)file.DangerousGetHandle(), out status);
        }
        finally
        {
            if (added)
                file.DangerousRelease();
        }
    }

    private static bool TryGetOpen(int descriptor, out FileStatus status)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        buffer.Clear();
        var result = OperatingSystem.IsMacOS()
            ? IsInode64Named ? FstatInode64(descriptor, ref buffer[0]) : Fstat(descriptor, ref buffer[0])
            : Statx(descriptor, "", StatTable.EmptyPath.Value, (uint)StatTable.BasicStats.Value, ref buffer[0]);

        return Finish(result, buffer, out status);
    }

    private static void RefuseNul(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("A path cannot contain NUL.", nameof(path));
    }

    private static bool Finish(int result, ReadOnlySpan<byte> buffer, out FileStatus status)
    {
        status = result != 0 ? Failed(Marshal.GetLastPInvokeError())
            : OperatingSystem.IsMacOS() ? FromMacStat(buffer)
            : FromStatx(buffer);
        return result == 0;
    }

    private static FileStatus Failed(int errno) =>
        new() { Errno = errno, Failure = FailureOf(errno) };

    private static FileFailure FailureOf(int errno) =>
        errno switch
        {
            Posix.Errno.NoEntry => FileFailure.NotFound,
            Posix.Errno.NotDirectory => FileFailure.NotDirectory,
            Posix.Errno.NotPermitted or Posix.Errno.AccessDenied => FileFailure.AccessDenied,
            _ when errno == Posix.Errno.LinkLoop => FileFailure.LinkLoop,
            _ when errno == Posix.Errno.NameTooLong => FileFailure.NameTooLong,
            _ => FileFailure.Other,
        };

    // struct statx of linux/stat.h: the same layout on every architecture, which struct stat has not.
    private static FileStatus FromStatx(ReadOnlySpan<byte> statx) =>
        new()
        {
            LinkCount = BinaryPrimitives.ReadUInt32LittleEndian(statx[StatTable.StatxLinkCount.Value..]),
            Owner = BinaryPrimitives.ReadUInt32LittleEndian(statx[StatTable.StatxOwner.Value..]),
            Type = TypeOf(BinaryPrimitives.ReadUInt16LittleEndian(statx[StatTable.StatxMode.Value..])),
            Inode = BinaryPrimitives.ReadUInt64LittleEndian(statx[StatTable.StatxInode.Value..]),
            Size = BinaryPrimitives.ReadInt64LittleEndian(statx[StatTable.StatxLength.Value..]),
            ModifiedAt = Nanoseconds(
                BinaryPrimitives.ReadInt64LittleEndian(statx[StatTable.StatxModifiedSeconds.Value..]),
                BinaryPrimitives.ReadUInt32LittleEndian(statx[StatTable.StatxModifiedNanoseconds.Value..])),
            SpecialMajor = BinaryPrimitives.ReadUInt32LittleEndian(statx[StatTable.StatxSpecialMajor.Value..]),
            SpecialMinor = BinaryPrimitives.ReadUInt32LittleEndian(statx[StatTable.StatxSpecialMinor.Value..]),
            Device = ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(statx[StatTable.StatxDeviceMajor.Value..]) << 32)
                | BinaryPrimitives.ReadUInt32LittleEndian(statx[StatTable.StatxDeviceMinor.Value..]),
        };

    // struct stat with 64-bit inodes, from xnu's sys/stat.h. This branch was never run: no Mac was at hand.
    private static FileStatus FromMacStat(ReadOnlySpan<byte> stat) =>
        new()
        {
            Device = BinaryPrimitives.ReadUInt32LittleEndian(stat[StatTable.StatDevice.Value..]),
            Type = TypeOf(BinaryPrimitives.ReadUInt16LittleEndian(stat[StatTable.StatMode.Value..])),
            LinkCount = BinaryPrimitives.ReadUInt16LittleEndian(stat[StatTable.StatLinkCount.Value..]),
            Inode = BinaryPrimitives.ReadUInt64LittleEndian(stat[StatTable.StatInode.Value..]),
            Owner = BinaryPrimitives.ReadUInt32LittleEndian(stat[StatTable.StatOwner.Value..]),
            ModifiedAt = Nanoseconds(
                BinaryPrimitives.ReadInt64LittleEndian(stat[StatTable.StatModifiedSeconds.Value..]),
                BinaryPrimitives.ReadInt64LittleEndian(stat[StatTable.StatModifiedNanoseconds.Value..])),
            Size = BinaryPrimitives.ReadInt64LittleEndian(stat[StatTable.StatLength.Value..]),
        };

    // Wraps beyond the year 2262; it is compared, not shown.
    private static long Nanoseconds(long seconds, long nanoseconds) => unchecked((seconds * 1_000_000_000) + nanoseconds);

    private static FileType TypeOf(ushort mode) =>
        (mode & ModeBits.TypeMask) switch
        {
            ModeBits.Regular => FileType.Regular,
            ModeBits.Directory => FileType.Directory,
            ModeBits.Fifo => FileType.Fifo,
            ModeBits.Socket => FileType.Socket,
            ModeBits.CharacterDevice => FileType.CharacterDevice,
            ModeBits.BlockDevice => FileType.BlockDevice,
            ModeBits.SymbolicLink => FileType.SymbolicLink,
            _ => FileType.Other,
        };

    // On Intel Macs the plain name is the old layout with 32-bit inodes.
    private static bool IsInode64Named => RuntimeInformation.ProcessArchitecture == Architecture.X64;

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "stat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(string path, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "stat$INODE64", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatInode64(string path, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "lstat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Lstat(string path, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "lstat$INODE64", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LstatInode64(string path, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "fstat", SetLastError = true)]
    private static partial int Fstat(int descriptor, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "fstat$INODE64", SetLastError = true)]
    private static partial int FstatInode64(int descriptor, ref byte buffer);
}
