using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmHost.Machines.Life;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>All machines of this daemon: those it found on disk, and those that <see cref="MachineFactory"/> made.</summary>
/// <param name="table">Holds them.</param>
/// <param name="services">What they use.</param>
/// <param name="logger">For what concerns all of them.</param>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore's wait handle is never made.")]
public sealed partial class MachineRegistry(MachineTable table, MachineServices services, ILogger<MachineRegistry> logger)
{
    private const int MaxExamined = 16;

    private static readonly TimeSpan PlaceLimit = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan NextStartAfter = TimeSpan.FromSeconds(5);

    // One at a time: the name of a machine is not to change while another request changes it.
    private readonly SemaphoreSlim _renaming = new(1, 1);

    /// <summary>All machines, by name.</summary>
    public ImmutableArray<MachineSnapshot> List() =>
        [.. table.All.Select(machine => machine.Snapshot).OrderBy(snapshot => snapshot.Name, StringComparer.Ordinal)];

    /// <summary>Loads what is on disk. The machines are listed from now on.</summary>
    /// <exception cref="IOException">The state directory, or which boot of the host this is, cannot be read.</exception>
    public void Load()
    {
        // Known from now on, also when later no file can be opened.
        _ = ProcessIdentity.HostBootId;

        foreach (var stored in services.Store.LoadAll())
        {
            table.Add(new Machine(stored, services, table.Remove), stored.Record?.RequestDigest);
            if (stored.Problem is { } problem)
                LogCorrupt(stored.Id, problem);
        }
    }

    /// <summary>Examines all loaded machines in parallel, and then starts those that are to run with the host.</summary>
    /// <returns>Completes when that is done.</returns>
    public async Task ExamineAsync()
    {
        // A few at a time, or the requests of clients would wait until all have been examined. A silent shim keeps its place for a moment.
        var examined = new ConcurrentBag<Task>();
        var readable = table.All.Where(static machine => machine.Snapshot is { Spec: not null, IsBeingExamined: true });
        await Parallel.ForEachAsync(readable, new ParallelOptions { MaxDegreeOfParallelism = MaxExamined }, async (machine, ct) =>
        {
            var adopting = machine.AdoptAsync();
            examined.Add(adopting);
            await Task.WhenAny(adopting, Task.Delay(PlaceLimit, services.Time, ct));
        });
        await Task.WhenAll(examined);
        await StartWithHostAsync();
    }

    // One after the other, by name: a host that has just booted has enough to do.
    private async Task StartWithHostAsync()
    {
        foreach (var machine in table.All.Where(machine => machine.WantsStartWithHost).OrderBy(machine => machine.Snapshot.Name, StringComparer.Ordinal))
        {
            var start = machine.StartWithHostAsync();
            await Task.WhenAny(start, Task.Delay(NextStartAfter, services.Time));   // one that hangs holds up the others no longer
        }
    }

    /// <summary>The machine of a name, an id or a unique prefix of an id.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.NotFound"/>, or <see cref="VmHostError.InvalidArgument"/> where several match.
    /// </exception>
    public Machine Get(string reference)
    {
        if (table.All.FirstOrDefault(machine => machine.Snapshot.Name == reference) is { } named)
            return named;

        var matching = reference.Length == 0
            ? []
            : table.All.Where(machine => machine.Snapshot.Id.StartsWith(reference, StringComparison.Ordinal)).Take(2).ToArray();
        return matching switch
        {
            [var only] => only,
            [] => throw new VmHostException(VmHostError.NotFound, $"there is no machine {Quoted.Text(reference)}; vmctl ls lists those that there are"),
            _ => throw VmHostException.ForFaults([new("machine", $"{Quoted.Text(reference)} is the beginning of several machines' ids; give more of it, or the name")], reason: ErrorReason.MachineAmbiguous),
        };
    }

    /// <summary>Gives a machine another name, whatever it does.</summary>
    /// <returns>False if it has the name already.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: the name; <see cref="VmHostError.AlreadyExists"/>: another machine has it; and as
    /// <see cref="Machine.UpdateAsync"/>.
    /// </exception>
    public async Task<bool> RenameAsync(Machine machine, string name, long? revision)
    {
        if (MachineName.FaultOf(name) is { } fault)
            throw VmHostException.ForFaults([new("new_name", fault)]);

        await _renaming.WaitAsync();
        var before = machine.Snapshot.Name;
        try
        {
            if (before == name)
                return revision is null || revision == machine.Snapshot.Revision ? false : throw UpdateRules.Stale(before).ToException();

            table.Reserve(name);
            var kept = before;
            try
            {
                // Not called off when the caller goes away: both names are taken until it is known which one the machine has.
                await machine.UpdateAsync(new() { Name = name }, revision, CancellationToken.None);
                services.Claims.Rename(machine.Snapshot.Id, name);
                kept = name;
            }
            finally
            {
                table.Release(kept == name ? before : name);
            }

            LogRenamed(before, name);
            return true;
        }
        finally
        {
            _renaming.Release();
        }
    }

    /// <summary>Deletes a machine with its record and its journal.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it runs and is not to be killed, or may run.
    /// </exception>
    public async Task DeleteAsync(Machine machine, bool force, CancellationToken ct)
    {
        if (force && machine.Snapshot is { State: not MachineState.Unknown } or { IsBeingExamined: true })
            await machine.KillAsync(ct);

        await machine.DeleteAsync(evenUnknown: force, ct);
        LogDeleted(machine.Snapshot.Name);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Id}: its record is of no use: {Problem}")]
    private partial void LogCorrupt(string id, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Before} is now named {Name}.")]
    private partial void LogRenamed(string before, string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine} was deleted.")]
    private partial void LogDeleted(string machine);
}
