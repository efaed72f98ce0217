using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Shim;

/// <summary>
/// Starts the hypervisor in two steps on macOS: the shim's own program, in a new process, makes the terminal its
/// controlling terminal and then becomes the hypervisor. There <c>posix_spawn</c> opens files before it begins the
/// session (xnu's bsd/kern/kern_exec.c, lines 4337 and 4586), so a terminal that it opens is no process's controlling
/// terminal, and a hypervisor would not get SIGHUP when its shim dies. This never ran on a Mac; tests run it on Linux.
/// </summary>
internal static class ExecStep
{
    /// <summary>
    /// First argument of the process in between. The report's descriptor, the terminal's path, yes or no, and the
    /// program with its arguments follow.
    /// </summary>
    internal const string Option = "--exec-with-terminal";

    /// <summary>Argument of the shim: uses the step on any system, for tests.</summary>
    internal const string AlwaysOption = "--always-exec-with-terminal";

    private const string NullDevice = "/dev/null";
    private const string OutputToTerminal = "yes";
    private const int ErrorNumberSize = 4;

    /// <summary>Whether the hypervisor is started by this step.</summary>
    internal static bool IsUsed { get; set; } = OperatingSystem.IsMacOS();

    /// <summary>Starts the process in between, and returns when it has become the hypervisor.</summary>
    /// <param name="launch">The program, and whether its standard output is the terminal.</param>
    /// <param name="slavePath">The terminal.</param>
    /// <param name="messages">The pipe for its other output.</param>
    /// <param name="given">The numbers from 3 on that the hypervisor inherits: this process's descriptor for each.</param>
    /// <returns>The hypervisor's process id.</returns>
    /// <exception cref="PosixException">The hypervisor cannot be started.</exception>
    internal static int Start(LaunchRecord launch, string slavePath, int messages, ReadOnlySpan<int> given)
    {
        const int firstGiven = 3;
        var report = firstGiven + given.Length;
        var (read, write) = Descriptor.Pipe();
        try
        {
            int pid;
            using (var spawn = new ProcessSpawn { OwnSession = false })
            {
                spawn.Open(0, NullDevice, Descriptor.ReadOnly);
                spawn.Give(messages, 1);
                spawn.Give(messages, 2);
                for (var index = 0; index < given.Length; index++)
                    spawn.Give(given[index], firstGiven + index);
                spawn.Give(write, report);
                string[] arguments =
                [
                    Option, report.ToString(CultureInfo.InvariantCulture), slavePath,
                    launch.ConsoleOnStandardOutput ? OutputToTerminal : "no", launch.Executable, .. launch.Arguments,
                ];
                pid = spawn.Start(Environment.ProcessPath!, arguments, firstClosed: report + 1);
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
        if (arguments is not [var number, var slavePath, var output, var executable, .. var rest]
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var report))
        {
            return 1;
        }

        try
        {
            // Closed by the exec that succeeds: then the other end reads nothing.
            Descriptor.SetCloseOnExec(report);
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
            Send(report, e);
        }

        return 1;
    }

    private static void Send(int report, PosixException e)
    {
        Span<byte> number = stackalloc byte[ErrorNumberSize];
        BinaryPrimitives.WriteInt32LittleEndian(number, e.Errno);
        _ = Descriptor.Write(report, [.. number, .. Encoding.UTF8.GetBytes(e.Operation)]);
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
