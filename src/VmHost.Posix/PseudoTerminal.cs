using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>A raw pseudo-terminal: every byte passes as it is, both ways.</summary>
public sealed partial class PseudoTerminal
{
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

        // cfmakeraw clears OPOST only, and QEMU's stdio chardev sets it again: with ONLCR still there a line feed
        // would come out as two bytes.
        TerminalSettings.Of(slave).ToRaw().WithoutOutputProcessing().ApplyTo(slave);
        Descriptor.SetNonBlocking(master);
        return new PseudoTerminal(master, slave, path);
    }

    /// <summary>Sets the terminal's size in characters.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public void Resize(ushort columns, ushort rows) => TerminalDevice.Resize(Master, columns, rows);

    [LibraryImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    private static partial int OpenMaster(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    private static partial int Grant(int master);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    private static partial int Unlock(int master);

    [LibraryImport("libc", EntryPoint = "ptsname", SetLastError = true)]
    private static partial nint NameOf(int master);
}
