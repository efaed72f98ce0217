using System.Runtime.InteropServices;

namespace VmHost.Posix.Tables;

/// <summary>An operating system on an architecture: a column of the tables.</summary>
internal enum Platform
{
    LinuxX64,
    LinuxArm64,
    MacX64,
    MacArm64,
}

internal static class Platforms
{
    /// <summary>The platform that this process runs on.</summary>
    /// <exception cref="PlatformNotSupportedException">The tables have no column for it.</exception>
    internal static Platform Here { get; } = (OperatingSystem.IsMacOS(), RuntimeInformation.ProcessArchitecture) switch
    {
        (false, Architecture.X64) => Platform.LinuxX64,
        (false, Architecture.Arm64) => Platform.LinuxArm64,
        (true, Architecture.X64) => Platform.MacX64,
        (true, Architecture.Arm64) => Platform.MacArm64,

        // Another architecture's values may differ: O_DIRECTORY of x64 is O_DIRECT on arm64.
        _ => throw new PlatformNotSupportedException(
            $"VmHost supports linux-x64, linux-arm64, osx-x64 and osx-arm64, not {RuntimeInformation.RuntimeIdentifier}"),
    };
}
