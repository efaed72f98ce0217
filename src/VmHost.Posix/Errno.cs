namespace VmHost.Posix;

/// <summary>The error numbers that are told apart, with this operating system's values (errno.h).</summary>
public static class Errno
{
    public const int NoEntry = 2;
    public const int NoProcess = 3;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int NoChild = 10;
    public const int AccessDenied = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int Invalid = 22;
    public const int NoSpace = 28;
    public const int ReadOnlyFileSystem = 30;
    public const int BrokenPipe = 32;

    /// <summary>ENOTSUP.</summary>
    public static int NotSupported { get; } = OperatingSystem.IsMacOS() ? 45 : 95;

    public static int WouldBlock { get; } = OperatingSystem.IsMacOS() ? 35 : 11;
}
