using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>A system call failed.</summary>
/// <param name="operation">What was tried, with the path or number it was tried on.</param>
/// <param name="errno">The error number of this operating system.</param>
public sealed class PosixException(string operation, int errno)
    : IOException($"{operation}: {Marshal.GetPInvokeErrorMessage(errno)}")
{
    /// <summary>What was tried, with the path or number it was tried on.</summary>
    public string Operation { get; } = operation;

    public int Errno { get; } = errno;

    internal static PosixException Last(string operation) => new(operation, Marshal.GetLastPInvokeError());
}
