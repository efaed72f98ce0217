namespace VmHost.Posix.Tables;

/// <summary>Values of <c>fcntl.h</c>, <c>sys/file.h</c> and <c>sys/stat.h</c>. Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.</summary>
internal static class FileTable
{
    [Header("O_RDONLY", "bsd/sys/fcntl.h:98")]
    internal static readonly SystemValue ReadOnly = new(Descriptor.ReadOnly);

    [Header("O_WRONLY", "bsd/sys/fcntl.h:99")]
    internal static readonly SystemValue WriteOnly = new(Descriptor.WriteOnly);

    [Header("O_RDWR", "bsd/sys/fcntl.h:100")]
    internal static readonly SystemValue ReadWrite = new(Descriptor.ReadWrite);

    [Header("O_CREAT", "bsd/sys/fcntl.h:127")]
    internal static readonly SystemValue Create = new(0x40, 0x40, 0x200, 0x200);

    [Header("O_EXCL", "bsd/sys/fcntl.h:129")]
    internal static readonly SystemValue Exclusive = new(0x80, 0x80, 0x800, 0x800);

    [Header("O_TRUNC", "bsd/sys/fcntl.h:128")]
    internal static readonly SystemValue Truncate = new(0x200, 0x200, 0x400, 0x400);

    [Header("O_APPEND", "bsd/sys/fcntl.h:116")]
    internal static readonly SystemValue Append = new(0x400, 0x400, 0x8, 0x8);

    [Header("O_NONBLOCK", "bsd/sys/fcntl.h:115")]
    internal static readonly SystemValue NonBlocking = new(0x800, 0x800, 0x4, 0x4);

    [Header("O_NOCTTY", "bsd/sys/fcntl.h:147")]
    internal static readonly SystemValue NoControllingTerminal = new(0x100, 0x100, 0x20000, 0x20000);

    [Header("O_CLOEXEC", "bsd/sys/fcntl.h:170")]
    internal static readonly SystemValue CloseOnExec = new(0x80000, 0x80000, 0x1000000, 0x1000000);

    [Header("O_NOFOLLOW", "bsd/sys/fcntl.h:125")]
    internal static readonly SystemValue NoFollow = new(0x20000, 0x8000, 0x100, 0x100);

    [Header("O_DIRECTORY", "bsd/sys/fcntl.h:155")]
    internal static readonly SystemValue Directory = new(0x10000, 0x4000, 0x100000, 0x100000);

    [Header("F_SETFD", "bsd/sys/fcntl.h:280")]
    internal static readonly SystemValue SetDescriptorFlags = new(2);

    [Header("FD_CLOEXEC", "bsd/sys/fcntl.h:450")]
    internal static readonly SystemValue DescriptorCloseOnExec = new(1);

    [Header("F_GETFL", "bsd/sys/fcntl.h:281")]
    internal static readonly SystemValue GetFlags = new(3);

    [Header("F_SETFL", "bsd/sys/fcntl.h:282")]
    internal static readonly SystemValue SetFlags = new(4);

    [Header("F_DUPFD_CLOEXEC", "bsd/sys/fcntl.h:446")]
    internal static readonly SystemValue DuplicateCloseOnExec = new(1030, 1030, 67, 67);

    [Header("LOCK_SH", "bsd/sys/fcntl.h:667")]
    internal static readonly SystemValue LockShared = new(1);

    [Header("LOCK_EX", "bsd/sys/fcntl.h:668")]
    internal static readonly SystemValue LockExclusive = new(2);

    [Header("LOCK_NB", "bsd/sys/fcntl.h:669")]
    internal static readonly SystemValue LockNonBlocking = new(4);

    [Header("S_IFMT", "bsd/sys/_types/_s_ifmt.h:35")]
    internal static readonly SystemValue TypeMask = new(ModeBits.TypeMask);

    [Header("S_IFIFO", "bsd/sys/_types/_s_ifmt.h:36")]
    internal static readonly SystemValue Fifo = new(ModeBits.Fifo);

    [Header("S_IFCHR", "bsd/sys/_types/_s_ifmt.h:37")]
    internal static readonly SystemValue CharacterDevice = new(ModeBits.CharacterDevice);

    [Header("S_IFDIR", "bsd/sys/_types/_s_ifmt.h:38")]
    internal static readonly SystemValue DirectoryType = new(ModeBits.Directory);

    [Header("S_IFBLK", "bsd/sys/_types/_s_ifmt.h:39")]
    internal static readonly SystemValue BlockDevice = new(ModeBits.BlockDevice);

    [Header("S_IFREG", "bsd/sys/_types/_s_ifmt.h:40")]
    internal static readonly SystemValue Regular = new(ModeBits.Regular);

    [Header("S_IFSOCK", "bsd/sys/_types/_s_ifmt.h:42")]
    internal static readonly SystemValue Socket = new(ModeBits.Socket);
}
