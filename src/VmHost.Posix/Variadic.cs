using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>How <c>open</c>, <c>fcntl</c> and <c>ioctl</c> take their last argument.</summary>
internal static class Variadic
{
    /// <summary>
    /// Apple's arm64 calling convention passes variadic arguments on the stack. P/Invoke knows no variadic call, so
    /// six unused arguments fill the registers and the next one lands where it is looked for.
    /// </summary>
    internal static bool OnStack { get; } =
        OperatingSystem.IsMacOS() && RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
}
