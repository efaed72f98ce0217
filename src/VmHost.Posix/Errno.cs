using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>The error numbers that the product distinguishes, with this operating system's values.</summary>
#pragma warning disable IDE0040 // Public in VmHost.Posix by Public.cs, internal in VmHost.Client.
static partial class Errno
#pragma warning restore IDE0040
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int NoProcess = 3;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int NoChild = 10;
    public const int AccessDenied = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int NotDirectory = 20;
    public const int Invalid = 22;
    public const int NoSpace = 28;
    public const int ReadOnlyFileSystem = 30;
    public const int BrokenPipe = 32;

    public static int NotSupported { get; } = ErrnoTable.NotSupported.Value;

    public static int WouldBlock { get; } = ErrnoTable.WouldBlock.Value;

    public static int LinkLoop { get; } = ErrnoTable.LinkLoop.Value;

    public static int NameTooLong { get; } = ErrnoTable.NameTooLong.Value;
}
