using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>What can be asked of an open terminal.</summary>
public static partial class TerminalDevice
{
    public static bool IsTerminal(int descriptor) => IsTty(descriptor) == 1;

    /// <summary>True if a device file is that of a terminal.</summary>
    public static bool Is(string path)
    {
        if (!OperatingSystem.IsMacOS())
            return FileStatus.TryGet(path, out var status) && status.Type == FileType.CharacterDevice && TerminalDrivers.Have(status.SpecialMajor, status.SpecialMinor);

        var descriptor = Descriptor.TryOpen(path, Descriptor.ReadOnly | Descriptor.NoControllingTerminal | Descriptor.NonBlocking);
        if (descriptor < 0)
            return false;

        var isTerminal = IsTerminal(descriptor);
        Descriptor.Close(descriptor);
        return isTerminal;
    }

    /// <summary>Null where the descriptor is not a terminal, or one without a size.</summary>
    public static WindowSize? SizeOf(int terminal)
    {
        var size = default(WindowSize);
        return Control(terminal, TerminalTable.GetWindowSize.Request, ref size) == 0 && size is { Columns: > 0, Rows: > 0 }
            ? size
            : null;
    }

    /// <summary>Sets the size; programs on the terminal get SIGWINCH.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static void Resize(int terminal, ushort columns, ushort rows)
    {
        var size = new WindowSize { Rows = rows, Columns = columns };
        if (Control(terminal, TerminalTable.SetWindowSize.Request, ref size) != 0)
            throw PosixException.Last("ioctl(TIOCSWINSZ)");
    }

    /// <summary>
    /// Makes the terminal the controlling terminal of this process, which must lead a session that has none: when the
    /// terminal hangs up, the process gets SIGHUP.
    /// </summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static void MakeControlling(int terminal)
    {
        // Opening the terminal has done it already on most systems; then the call changes nothing. Its argument 0 asks
        // for no terminal of another session.
        var result = Variadic.OnStack
            ? ControlOnStack(terminal, TerminalTable.SetControllingTerminal.Request, 0, 0, 0, 0, 0, 0, 0)
            : ControlWith(terminal, TerminalTable.SetControllingTerminal.Request, 0);
        if (result != 0)
            throw PosixException.Last("ioctl(TIOCSCTTY)");
    }

    private static unsafe int Control(int terminal, nuint request, ref WindowSize size)
    {
        fixed (WindowSize* pointer = &size)
        {
            return Variadic.OnStack
                ? ControlOnStack(terminal, request, 0, 0, 0, 0, 0, 0, (nint)pointer)
                : ControlWith(terminal, request, (nint)pointer);
        }
    }

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsTty(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlWith(int terminal, nuint request, nint argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlOnStack(
        int terminal, nuint request, nint x2, nint x3, nint x4, nint x5, nint x6, nint x7, nint argument);
}
