using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>
/// Starts a process in a session of its own, with exactly the files it is given, all signals at their default
/// (<c>posix_spawn</c>). .NET's own Process can do none of the three.
/// </summary>
public sealed unsafe partial class ProcessSpawn : IDisposable
{
    private readonly nint _attributes = Zeroed(ProcessTable.SpawnAttributesSize);
    private readonly nint _actions = Zeroed(ProcessTable.SpawnActionsSize);

    public ProcessSpawn()
    {
        Check(InitAttributes(_attributes), "posix_spawnattr_init");
        Check(InitActions(_actions), "posix_spawn_file_actions_init");
    }

    /// <summary>Whether the process leads a session of its own. False for a process that begins one itself.</summary>
    public bool OwnSession { get; init; } = true;

    /// <summary>Signals that the process starts with blocked; all its threads inherit that.</summary>
    public IReadOnlyList<int> BlockedSignals { get; init; } = [];

    /// <summary>The whole environment of the process; null for a copy of this process's own.</summary>
    public IReadOnlyDictionary<string, string>? Variables { get; init; }

    /// <summary>
    /// Opens <paramref name="path"/> as <paramref name="number"/> in the child. On Linux a terminal opened so becomes
    /// its controlling terminal, since the child leads a session and has none. On macOS it does not: there files are
    /// opened before the session begins (xnu's bsd/kern/kern_exec.c, lines 4337 and 4586).
    /// </summary>
    public void Open(int number, string path, int flags) =>
        Check(AddOpen(_actions, number, path, flags, 0), "posix_spawn_file_actions_addopen");

    /// <summary>Gives the child this process's <paramref name="source"/> as <paramref name="number"/>.</summary>
    public void Give(int source, int number)
    {
        if (source == number && OperatingSystem.IsMacOS())
            Check(AddInherit(_actions, number), "posix_spawn_file_actions_addinherit_np");
        else
            Check(AddDuplicate(_actions, source, number), "posix_spawn_file_actions_adddup2");
    }

    /// <summary>Starts it.</summary>
    /// <param name="executable">Absolute path.</param>
    /// <param name="arguments">What follows the program name.</param>
    /// <param name="firstClosed">Every descriptor from this number on is closed in the child.</param>
    /// <returns>Its process id.</returns>
    /// <exception cref="PosixException">It could not be started; the error number is that of <c>execve</c>.</exception>
    public int Start(string executable, IReadOnlyList<string> arguments, int firstClosed)
    {
        var flags = ProcessTable.SpawnResetSignals.Value | ProcessTable.SpawnSetSignalMask.Value;
        if (OwnSession)
            flags |= ProcessTable.SpawnNewSession.Value;
        if (OperatingSystem.IsMacOS())
            flags |= ProcessTable.SpawnCloseOnExecByDefault.Value;
        else
            Check(AddCloseFrom(_actions, firstClosed), "posix_spawn_file_actions_addclosefrom_np");

        Check(SetFlags(_attributes, (short)flags), "posix_spawnattr_setflags");

        var signals = stackalloc byte[SignalSet.Size];
        SignalSet.Fill(signals);
        Check(SetDefaultSignals(_attributes, signals), "posix_spawnattr_setsigdefault");
        SignalSet.Of(signals, BlockedSignals);
        Check(SetMask(_attributes, signals), "posix_spawnattr_setsigmask");

        using var argv = new NativeStrings([executable, .. arguments]);
        using var environment = Variables is { } variables ? new NativeStrings([.. variables.Select(static variable => $"{variable.Key}={variable.Value}")]) : NativeStrings.OfEnvironment();
        int error, pid;
        fixed (nint* firstArgument = &argv.First, firstVariable = &environment.First)
            error = Spawn(out pid, executable, _actions, _attributes, firstArgument, firstVariable);

        return error == 0 ? pid : throw new PosixException($"start {executable}", error);
    }

    public void Dispose()
    {
        _ = DestroyActions(_actions);
        _ = DestroyAttributes(_attributes);
        NativeMemory.Free((void*)_actions);
        NativeMemory.Free((void*)_attributes);
    }

    // These functions return the error number instead of setting errno.
    private static void Check(int error, string operation)
    {
        if (error != 0)
            throw new PosixException(operation, error);
    }

    private static nint Zeroed(SystemValue size) => (nint)NativeMemory.AllocZeroed((nuint)size.Value);

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(
        out int pid, string path, nint actions, nint attributes, nint* arguments, nint* environment);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int InitAttributes(nint attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int DestroyAttributes(nint attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetFlags(nint attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetDefaultSignals(nint attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int SetMask(nint attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitActions(nint actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(nint actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddOpen(nint actions, int number, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(nint actions, int source, int number);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addinherit_np")]
    private static partial int AddInherit(nint actions, int number);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addclosefrom_np")]
    private static partial int AddCloseFrom(nint actions, int first);
}
