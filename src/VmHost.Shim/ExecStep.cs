using System.Buffers.Binary;
using System.Text;
using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Shim;

/// <summary>
/// Starts the hypervisor in two steps on macOS: the shim's own program, in a new process, makes the terminal its
/// controlling terminal and then becomes the hypervisor. There <c>posix_spawn</c> opens files before it begins the
/// session (xnu's bsd/kern/kern_exec.c, lines 4337 and 4586), so a terminal that it opens is nobody's controlling
/// terminal, and a hypervisor would not get SIGHUP when its shim dies. This never ran on a Mac; tests run it on Linux.
/// </summary>
internal static class ExecStep
{
    /// <summary>First argument of the process in between. The terminal's path, yes or no, and the program follow.</summary>
    internal const string Option = "--exec-with-terminal";

    /// <summary>Argument of the shim: uses the step on any system, for tests.</summary>
    internal const string AlwaysOption = "--always-exec-with-terminal";

    // The files of the process in between: 0 = nothing, 1 and 2 = messages, 3 = the lock, 4 = the report.
    private const string NullDevice = "/dev/null";
    private const int Lock = 3;
    private const int Report = 4;

    private const string OutputToTerminal = "yes";
    private const int ErrorNumberSize = 4;

    /// <summary>Whether the hypervisor is started by this step.</summary>
    internal static bool IsUsed { get; set; } = OperatingSystem.IsMacOS();

    /// <summary>Starts the process in between, and returns when it has become the hypervisor.</summary>
    /// <param name="launch">The program, and whether its standard output is the terminal.</param>
    /// <param name="slavePath">The terminal.</param>
    /// <param name="messages">The pipe for its other output.</param>
    /// <returns>The hypervisor's process id.</returns>
    /// <exception cref="PosixException">The hypervisor cannot be started.</exception>
    internal static int Start(LaunchRecord launch, string slavePath, int messages)
    {
        var (read, write) = Descriptor.Pipe();
        try
        {
            int pid;
            using (var spawn = new ProcessSpawn { OwnSession = false })
            {
                spawn.Open(0, NullDevice, Descriptor.ReadOnly);
                spawn.Give(messages, 1);
                spawn.Give(messages, 2);
                spawn.Give(Lock, Lock);
                spawn.Give(write, Report);
                string[] arguments =
                    [Option, slavePath, launch.ConsoleOnStandardOutput ? OutputToTerminal : "no", launch.Executable, .. launch.Arguments];
                pid = spawn.Start(Environment.ProcessPath!, arguments, firstClosed: Report + 1);
            }

            Descriptor.Close(write);
            write = -1;
            if (ReadFailure(read) is not { } failure)
                return pid;

            ChildProcess.Wait(pid);
            throw failure;
        }
        finally
        {
            Descriptor.Close(read);
            if (write >= 0)
                Descriptor.Close(write);
        }
    }

    /// <summary>The process in between. Returns only if the hypervisor cannot be started.</summary>
    /// <param name="arguments">What follows <see cref="Option"/>.</param>
    internal static int Run(ReadOnlySpan<string> arguments)
    {
        try
        {
            // Closed by the exec that succeeds: then the other end reads nothing.
            Descriptor.SetCloseOnExec(Report);
            if (arguments is not [var slavePath, var output, var executable, .. var rest])
                throw new PosixException("read the arguments", Errno.Invalid);

            CurrentProcess.BeginSession();
            var terminal = Descriptor.Open(slavePath, Descriptor.ReadWrite);
            TerminalDevice.MakeControlling(terminal);
            Descriptor.DuplicateTo(terminal, 0);
            if (output == OutputToTerminal)
                Descriptor.DuplicateTo(terminal, 1);
            Signals.ResetAll();
            CurrentProcess.BecomeProgram(executable, rest.ToArray());
        }
        catch (PosixException e)
        {
            Send(e);
        }

        return 1;
    }

    private static void Send(PosixException e)
    {
        Span<byte> number = stackalloc byte[ErrorNumberSize];
        BinaryPrimitives.WriteInt32LittleEndian(number, e.Errno);
        _ = Descriptor.Write(Report, [.. number, .. Encoding.UTF8.GetBytes(e.Operation)]);
    }

    private static PosixException? ReadFailure(int report)
    {
        const int PathsAndWords = 8192;
        Span<byte> text = stackalloc byte[PathsAndWords];
        var length = 0;
        int count;
        while ((count = Descriptor.Read(report, text[length..])) > 0)
            length += count;

        return length < ErrorNumberSize
            ? null
            : new PosixException(Encoding.UTF8.GetString(text[ErrorNumberSize..length]), BinaryPrimitives.ReadInt32LittleEndian(text));
    }
}
