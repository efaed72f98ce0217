using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Supervision;

/// <summary>Whose a recorded boot is.</summary>
internal enum BootOwner
{
    /// <summary>This directory's, and some process of it lives.</summary>
    ThisDirectory,

    /// <summary>No process of this directory's machine lives.</summary>
    Nobody,

    /// <summary>
    /// The boot holds the lock of another directory, of which this one is a copy or a restored backup. It may live; it must
    /// be neither controlled nor started a second time from here.
    /// </summary>
    AnotherDirectory,
}

/// <summary>
/// Decides whether a recorded boot belongs to this machine directory. A record alone proves nothing: it may be a copy, while the
/// machine runs under another daemon. The proof is the lock file: each process of a boot holds the one of its own directory.
/// </summary>
internal static class BootOwnership
{
    /// <summary>For people, where <see cref="BootOwner.AnotherDirectory"/> is the answer.</summary>
    internal const string CopyReason =
        "the state directory is a copy or a restored backup: the machine's last boot belongs to the original, and it is not touched from here";

    /// <summary>Looks at the lock. To be asked before anything connects to the shim that the record names.</summary>
    /// <param name="run">What the shim wrote when the boot began.</param>
    /// <param name="paths">The machine's, here.</param>
    /// <exception cref="InvalidDataException">The lock file is missing.</exception>
    /// <exception cref="IOException">Whether the lock is held cannot be found out now.</exception>
    internal static BootOwner Of(RunRecord run, MachinePaths paths)
    {
        // The numbers of a file mean nothing after a reboot of the host, when nothing of the boot lives either.
        if (run.LockFile is { } held && run.HostBootId == ProcessIdentity.HostBootId)
        {
            var here = FileIdentity.At(paths.Lock) ?? throw new InvalidDataException($"{paths.Lock} is missing or cannot be examined, so it does not prove whether a process of the machine lives");
            if (here != held)
                return BootOwner.AnotherDirectory;
        }

        return FileLock.IsHeld(paths.Lock) ? BootOwner.ThisDirectory : BootOwner.Nobody;
    }
}
