using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>What a process does to itself before it becomes another program.</summary>
public static unsafe partial class CurrentProcess
{
    /// <summary>Makes this process the leader of a new session, without a controlling terminal.</summary>
    /// <exception cref="PosixException">It leads a process group already.</exception>
    public static void BeginSession()
    {
        if (SetSession() < 0)
            throw PosixException.Last("setsid");
    }

    /// <summary>
    /// Becomes another program, with this process's environment and the descriptors that are not close-on-exec.
    /// Returns only by the exception.
    /// </summary>
    /// <param name="executable">Absolute path.</param>
    /// <param name="arguments">What follows the program name.</param>
    /// <exception cref="PosixException">The program cannot be executed.</exception>
    public static void BecomeProgram(string executable, IReadOnlyList<string> arguments)
    {
        using var argv = new NativeStrings([executable, .. arguments]);
        using var environment = NativeStrings.OfEnvironment();
        fixed (nint* firstArgument = &argv.First, firstVariable = &environment.First)
            _ = Execute(executable, firstArgument, firstVariable);

        throw PosixException.Last($"start {executable}");
    }

    [LibraryImport("libc", EntryPoint = "setsid", SetLastError = true)]
    private static partial int SetSession();

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, nint* arguments, nint* environment);
}
