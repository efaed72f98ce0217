namespace VmHost.Hypervisors;

/// <summary>What keeps a guest from running, where its kernel says it on the console.</summary>
public enum GuestFault
{
    /// <summary>Nothing that is known by its words.</summary>
    None,

    /// <summary>The initial ramdisk could not be unpacked.</summary>
    DamagedInitrd,

    /// <summary>There is no program to run as init, or it cannot be run.</summary>
    NoInit,

    /// <summary>The root file system is not there.</summary>
    NoRootDevice,

    /// <summary>The guest's memory does not do.</summary>
    OutOfMemory,

    /// <summary>Init ended.</summary>
    InitEnded,

    /// <summary>Another panic of the kernel.</summary>
    Panic,
}

/// <summary>Reads it off the console.</summary>
internal static class GuestFaults
{
    // Of Linux: init/initramfs.c and lib/decompress*.c; init/main.c; init/do_mounts.c; mm/oom_kill.c; kernel/exit.c;
    // kernel/panic.c. In this order: what comes first explains what comes after (no initrd, so no init, so a panic).
    private static readonly (GuestFault Fault, string[] Words, string Sentence)[] Known =
    [
        (GuestFault.OutOfMemory, ["Initramfs unpacking failed: write error", "Out of memory and no killable processes", "System is deadlocked on memory", "Out of memory: Kill"],
            "it ran out of memory; give the machine more (--memory)"),
        (GuestFault.DamagedInitrd, ["Initramfs unpacking failed", "rootfs image is not initramfs", "junk within compressed archive", "junk in compressed archive"],
            "its initrd could not be unpacked: the file is damaged, or compressed in a way that this kernel does not know"),
        (GuestFault.NoInit, ["No working init found", "No init found", "Requested init "],
            "no init could be run: look whether the initrd has an executable /init for this architecture"),
        (GuestFault.NoRootDevice, ["Unable to mount root fs", "Cannot open root device"],
            "its root file system was not found: look at root= on the command line, at the disks, or whether an initrd is missing"),
        (GuestFault.InitEnded, ["Attempted to kill init"],
            "its init ended"),
        (GuestFault.Panic, ["Kernel panic - not syncing"],
            "its kernel panicked"),
    ];

    /// <summary>The first fault that the text tells of.</summary>
    /// <param name="console">Console output of one boot, or the end of it.</param>
    internal static GuestFault Find(string console) =>
        Array.Find(Known, known => Array.Exists(known.Words, word => console.Contains(word, StringComparison.Ordinal))).Fault;

    /// <summary>What it is, and the cure where there is one: part of a sentence about the guest.</summary>
    internal static string Explain(GuestFault fault) => Array.Find(Known, known => known.Fault == fault).Sentence;
}
