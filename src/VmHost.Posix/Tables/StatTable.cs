namespace VmHost.Posix.Tables;

/// <summary>
/// Layouts of what tells about a file: Linux's <c>struct statx</c> and, with 64-bit inodes, macOS's <c>struct stat</c>.
/// Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.
/// </summary>
internal static class StatTable
{
    private const long None = SystemValue.None;

    [Header("AT_FDCWD")]
    internal static readonly SystemValue CurrentDirectory = new(-100, -100, None, None);

    [Header("AT_EMPTY_PATH")]
    internal static readonly SystemValue EmptyPath = new(0x1000, 0x1000, None, None);

    [Header("AT_SYMLINK_NOFOLLOW")]
    internal static readonly SystemValue NoFollow = new(0x100, 0x100, None, None);

    [Header("STATX_BASIC_STATS")]
    internal static readonly SystemValue BasicStats = new(0x7ff, 0x7ff, None, None);

    [Header("sizeof(struct statx)")]
    internal static readonly SystemValue StatxSize = new(256, 256, None, None);

    [Header("offsetof(struct statx, stx_nlink)")]
    internal static readonly SystemValue StatxLinkCount = new(16, 16, None, None);

    [Header("offsetof(struct statx, stx_uid)")]
    internal static readonly SystemValue StatxOwner = new(20, 20, None, None);

    [Header("offsetof(struct statx, stx_mode)")]
    internal static readonly SystemValue StatxMode = new(28, 28, None, None);

    [Header("offsetof(struct statx, stx_ino)")]
    internal static readonly SystemValue StatxInode = new(32, 32, None, None);

    [Header("offsetof(struct statx, stx_size)")]
    internal static readonly SystemValue StatxLength = new(40, 40, None, None);

    [Header("offsetof(struct statx, stx_mtime.tv_sec)")]
    internal static readonly SystemValue StatxModifiedSeconds = new(112, 112, None, None);

    [Header("offsetof(struct statx, stx_mtime.tv_nsec)")]
    internal static readonly SystemValue StatxModifiedNanoseconds = new(120, 120, None, None);

    [Header("offsetof(struct statx, stx_rdev_major)")]
    internal static readonly SystemValue StatxSpecialMajor = new(128, 128, None, None);

    [Header("offsetof(struct statx, stx_rdev_minor)")]
    internal static readonly SystemValue StatxSpecialMinor = new(132, 132, None, None);

    [Header("offsetof(struct statx, stx_dev_major)")]
    internal static readonly SystemValue StatxDeviceMajor = new(136, 136, None, None);

    [Header("offsetof(struct statx, stx_dev_minor)")]
    internal static readonly SystemValue StatxDeviceMinor = new(140, 140, None, None);

    [Header("sizeof(struct stat)", "bsd/sys/stat.h:166")]
    internal static readonly SystemValue StatSize = new(None, None, 144, 144);

    [Header("offsetof(struct stat, st_dev)", "bsd/sys/stat.h:167")]
    internal static readonly SystemValue StatDevice = new(None, None, 0, 0);

    [Header("offsetof(struct stat, st_mode)", "bsd/sys/stat.h:168")]
    internal static readonly SystemValue StatMode = new(None, None, 4, 4);

    [Header("offsetof(struct stat, st_nlink)", "bsd/sys/stat.h:169")]
    internal static readonly SystemValue StatLinkCount = new(None, None, 6, 6);

    [Header("offsetof(struct stat, st_ino)", "bsd/sys/stat.h:170")]
    internal static readonly SystemValue StatInode = new(None, None, 8, 8);

    [Header("offsetof(struct stat, st_uid)", "bsd/sys/stat.h:171")]
    internal static readonly SystemValue StatOwner = new(None, None, 16, 16);

    [Header("offsetof(struct stat, st_mtimespec.tv_sec)", "bsd/sys/stat.h:138")]
    internal static readonly SystemValue StatModifiedSeconds = new(None, None, 48, 48);

    [Header("offsetof(struct stat, st_mtimespec.tv_nsec)", "bsd/sys/stat.h:138")]
    internal static readonly SystemValue StatModifiedNanoseconds = new(None, None, 56, 56);

    [Header("offsetof(struct stat, st_size)", "bsd/sys/stat.h:175")]
    internal static readonly SystemValue StatLength = new(None, None, 96, 96);
}
