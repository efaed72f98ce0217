using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>A raw pseudo-terminal: every byte passes as it is, both ways.</summary>
public sealed partial class PseudoTerminal
{
    // Larger than struct termios of any supported system (60 bytes on Linux, 72 on macOS).
    private const int TermiosSize = 256;
    private const int Now = 0;

    private PseudoTerminal(int master, int slave, string slavePath)
    {
        Master = master;
        Slave = slave;
        SlavePath = slavePath;
    }

    /// <summary>The side that is read and written here; non-blocking.</summary>
    public int Master { get; }

    /// <summary>The other side, kept open so that the terminal does not hang up while nobody else has it open.</summary>
    public int Slave { get; }

    /// <summary>Where a child opens the other side and so makes it its controlling terminal.</summary>
    public string SlavePath { get; }

    /// <summary>
    /// Opens one. Neither side becomes the controlling terminal of this process: a session leader that opened a
    /// terminal without O_NOCTTY would be sent SIGHUP when it hangs up.
    /// </summary>
    /// <exception cref="PosixException">No terminal is free, or it cannot be set up.</exception>
    public static PseudoTerminal Open()
    {
        var opened = OpenMaster(Descriptor.ReadWrite | Descriptor.NoControllingTerminal);
        if (opened < 0)
            throw PosixException.Last("posix_openpt");

        // Away from the low numbers that a child's files get, and close-on-exec.
        var master = Descriptor.DuplicateAbove(opened, 10);
        Descriptor.Close(opened);

        if (Grant(master) != 0 || Unlock(master) != 0)
            throw PosixException.Last("unlockpt");

        var path = Marshal.PtrToStringUTF8(NameOf(master)) ?? throw PosixException.Last("ptsname");
        var slave = Descriptor.Open(path, Descriptor.ReadWrite | Descriptor.NoControllingTerminal);

        MakeRaw(slave);
        Descriptor.SetNonBlocking(master);
        return new PseudoTerminal(master, slave, path);
    }

    /// <summary>Tells the terminal's size in characters.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public void Resize(ushort columns, ushort rows)
    {
        var size = new WindowSize { Rows = rows, Columns = columns };
        var request = (nuint)(OperatingSystem.IsMacOS() ? 0x80087467u : 0x5414u);
        var result = Variadic.OnStack
            ? ControlOnStack(Master, request, 0, 0, 0, 0, 0, 0, ref size)
            : Control(Master, request, ref size);
        if (result != 0)
            throw PosixException.Last("ioctl(TIOCSWINSZ)");
    }

    private static void MakeRaw(int terminal)
    {
        Span<byte> settings = stackalloc byte[TermiosSize];
        settings.Clear();
        ref var termios = ref MemoryMarshal.GetReference(settings);
        if (GetAttributes(terminal, ref termios) != 0)
            throw PosixException.Last("tcgetattr");

        MakeRaw(ref termios);

        // cfmakeraw clears OPOST only, and QEMU's stdio chardev sets it again: with ONLCR still there a line feed
        // would come out as two bytes. c_oflag is the second word (4 bytes on Linux, 8 on macOS).
        var word = OperatingSystem.IsMacOS() ? 8 : 4;
        settings.Slice(word, word).Clear();

        if (SetAttributes(terminal, Now, ref termios) != 0)
            throw PosixException.Last("tcsetattr");
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort WidthInPixels;
        public ushort HeightInPixels;
    }

    [LibraryImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    private static partial int OpenMaster(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    private static partial int Grant(int master);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    private static partial int Unlock(int master);

    [LibraryImport("libc", EntryPoint = "ptsname", SetLastError = true)]
    private static partial nint NameOf(int master);

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int GetAttributes(int terminal, ref byte termios);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(int terminal, int when, ref byte termios);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(ref byte termios);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int terminal, nuint request, ref WindowSize size);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlOnStack(
        int terminal, nuint request, nint x2, nint x3, nint x4, nint x5, nint x6, nint x7, ref WindowSize size);
}
