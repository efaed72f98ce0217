namespace VmHost.Posix.Tables;

/// <summary>
/// A value of the operating system's headers: a row of a table, with a column for each platform. The Linux columns are
/// compared with the headers by a test. The macOS columns come from apple-oss-distributions/xnu, tag xnu-11417.101.15;
/// no code was ever run on a Mac.
/// </summary>
internal readonly struct SystemValue(long linuxX64, long linuxArm64, long macX64, long macArm64)
{
    /// <summary>In a column: the operating system has no such value.</summary>
    internal const long None = long.MinValue;

    /// <summary>The same value on all platforms.</summary>
    internal SystemValue(long value)
        : this(value, value, value, value)
    {
    }

    /// <summary>The value on this platform.</summary>
    /// <exception cref="PlatformNotSupportedException">The operating system has no such value.</exception>
    internal int Value => checked((int)Here);

    /// <summary>The value on this platform, as <c>ioctl</c> takes it.</summary>
    /// <exception cref="PlatformNotSupportedException">The operating system has no such value.</exception>
    internal nuint Request => checked((nuint)Here);

    private long Here => On(Platforms.Here) is var value and not None ? value : throw new PlatformNotSupportedException();

    internal long On(Platform platform) =>
        platform switch
        {
            Platform.LinuxX64 => linuxX64,
            Platform.LinuxArm64 => linuxArm64,
            Platform.MacX64 => macX64,
            Platform.MacArm64 => macArm64,
            _ => throw new ArgumentOutOfRangeException(nameof(platform)),
        };
}
