using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Logging;
using VmHost.Hypervisors;
using VmHost.Images;
using VmHost.Networking;
using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines;

/// <summary>A machine that was run.</summary>
/// <param name="Machine">It.</param>
/// <param name="Warnings">What is allowed and probably not meant.</param>
public sealed record RunResult(Machine Machine, ImmutableArray<string> Warnings);

/// <summary>What would be run.</summary>
/// <param name="Hypervisor">On what.</param>
/// <param name="Plan">The command line.</param>
public sealed record PlanResult(HypervisorKind Hypervisor, LaunchPlan Plan);

/// <summary>All machines of this daemon.</summary>
public sealed partial class MachineRegistry(MachineServices services, ILogger<MachineRegistry> logger)
{
    // In place of an id in paths of a machine that does not exist.
    private const string NoId = "MACHINE-ID";

    private const int MaxExamined = 8;

    private static readonly TimeSpan PlaceLimit = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan NextStartAfter = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Machine> _machines = new(StringComparer.Ordinal);

    // By the id of the request that created a machine. One of an older version's record has no digest, and is not here.
    private readonly ConcurrentDictionary<string, string> _requestDigests = new(StringComparer.Ordinal);

    // Guards _names, which holds the taken names, and the creation of machines.
    private readonly Lock _namesLock = new();
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>All machines, by name.</summary>
    public ImmutableArray<MachineSnapshot> List() =>
        [.. _machines.Values.Select(machine => machine.Snapshot).OrderBy(snapshot => snapshot.Name, StringComparer.Ordinal)];

    /// <summary>Loads what is on disk. The machines are listed from now on.</summary>
    /// <exception cref="IOException">The state directory, or which boot of the host this is, cannot be read.</exception>
    public void Load()
    {
        // Known from now on, also when later no file can be opened.
        _ = ProcessIdentity.HostBootId;

        foreach (var stored in services.Store.LoadAll())
        {
            var machine = new Machine(stored, services, Forget);
            _machines[stored.Id] = machine;
            _names.Add(machine.Snapshot.Name);
            if (stored.Record is { RequestId: { } request, RequestDigest: { } digest })
                _requestDigests[request] = digest;
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
        var readable = _machines.Values.Where(static machine => machine.Snapshot is { Spec: not null, IsBeingExamined: true });
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
        foreach (var machine in _machines.Values.Where(machine => machine.WantsStartWithHost).OrderBy(machine => machine.Snapshot.Name, StringComparer.Ordinal))
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
        if (_machines.Values.FirstOrDefault(machine => machine.Snapshot.Name == reference) is { } named)
            return named;

        var matching = reference.Length == 0
            ? []
            : _machines.Values.Where(machine => machine.Snapshot.Id.StartsWith(reference, StringComparison.Ordinal)).Take(2).ToArray();
        return matching switch
        {
            [var only] => only,
            [] => throw new VmHostException(VmHostError.NotFound, $"there is no machine {Quoted.Text(reference)}; vmctl ls lists those that there are"),
            _ => throw VmHostException.ForFaults([new("machine", $"{Quoted.Text(reference)} is the beginning of several machines' ids; give more of it, or the name")]),
        };
    }

    /// <summary>Creates a machine and starts it. One whose hypervisor fails at once is not kept.</summary>
    /// <exception cref="VmHostException">As <see cref="Machine.StartAsync"/>, and for faults in the request.</exception>
    public async Task<RunResult> RunAsync(MachineRequest request, CancellationToken ct)
    {
        if (FindCreatedBy(request) is { } made)
            return await made.ResumeCreateAsync();   // by this request, whose answer was lost with the daemon before

        var validation = Validate(request);
        var spec = validation.Spec!;
        ThrowIfFull();

        // Before anything is made; the start asks the same again, for itself.
        await MachinePlanner.PlanAsync(spec, services.PathsOf(NoId), services.Host, ct);
        if (PortProbe.FindTaken(spec.PublishedPorts) is { IsEmpty: false } taken)
            throw VmHostException.ForFaults(taken, VmHostError.FailedPrecondition);

        var machine = Add(request, validation);
        machine.PublishCreated();
        try
        {
            // Not called off when the caller goes away: what was accepted is carried through.
            var result = await machine.StartAsync(CancellationToken.None);
            return new(machine, result.Warnings);
        }
        catch (Exception)
        {
            await DiscardAsync(machine);
            throw;
        }
    }

    /// <summary>Creates a machine and does not start it.</summary>
    /// <exception cref="VmHostException">
    /// For faults in the request, or where no hypervisor can do what it asks; <see cref="VmHostError.ResourceExhausted"/>: there are too
    /// many machines, or the record cannot be saved. Then nothing is left of it.
    /// </exception>
    public async Task<RunResult> CreateAsync(MachineRequest request, CancellationToken ct)
    {
        if (FindCreatedBy(request) is { } made)
            return new(made, []);

        var validation = Validate(request);
        ThrowIfFull();
        var (_, plan) = await MachinePlanner.PlanWithoutHostAsync(validation.Spec!, services.PathsOf(NoId), services.Host, ct);
        var machine = Add(request, validation);
        machine.PublishCreated();
        try
        {
            await machine.SaveAsync();
            return new(machine, plan.Warnings);
        }
        catch (Exception)
        {
            await DiscardAsync(machine);
            throw;
        }
    }

    // An answer may have been lost with the connection, or with an earlier daemon.
    private Machine? FindCreatedBy(MachineRequest request)
    {
        if (request.Id is not { } id || _machines.Values.FirstOrDefault(machine => machine.RequestId == id) is not { } made)
            return null;

        return _requestDigests.TryGetValue(id, out var digest) && digest != request.Digest
            ? throw VmHostException.ForFaults([MachineRequest.IdFault])
            : made;
    }

    /// <summary>What <see cref="RunAsync"/> would run.</summary>
    /// <exception cref="VmHostException">For faults in the request, or where the hypervisor cannot do what it asks.</exception>
    public async Task<PlanResult> PlanAsync(MachineRequest request, CancellationToken ct)
    {
        var (hypervisor, plan) = await MachinePlanner.PlanWithoutHostAsync(Validate(request).Spec!, services.PathsOf(NoId), services.Host, ct);
        return new(hypervisor.Kind, plan);
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

    private static MachineValidation Validate(MachineRequest request)
    {
        var validation = MachineSpecValidator.Validate(request, BootResolver.Resolve, DeviceFiles.Check);
        return validation.Faults.IsEmpty ? validation : throw VmHostException.ForFaults(validation.Faults);
    }

    private MachineRecord NewRecord(string name, MachineSpec spec) =>
        new()
        {
            Schema = MachineRecord.CurrentSchema,
            Seq = 0,
            Id = MachineId.New(),
            Name = name,
            Spec = spec,
            CreatedAt = services.Time.GetUtcNow(),
        };

    private void ThrowIfFull()
    {
        if (_machines.Count >= services.MaxMachines)
            throw new VmHostException(VmHostError.ResourceExhausted, $"there are {_machines.Count} machines, and {services.MaxMachines} is the most: remove one (vmctl rm), or start vmhostd with a larger --max-machines");
    }

    // One at a time: of several requests for the last place one gets it.
    private Machine Add(MachineRequest request, MachineValidation validation)
    {
        lock (_namesLock)
        {
            ThrowIfFull();
            var record = NewRecord(ReserveNameLocked(validation.Name!, validation.NameIsAutomatic), validation.Spec!);
            record = record with
            {
                Restart = request.Restart,
                Labels = request.Labels.IsEmpty ? null : request.Labels,
                Annotations = request.Annotations.IsEmpty ? null : request.Annotations,
                RequestId = request.Id,
                RequestDigest = request.Digest,
            };
            var machine = new Machine(record, services, Forget);
            _machines[machine.Snapshot.Id] = machine;
            if (request is { Id: { } id, Digest: { } digest })
                _requestDigests[id] = digest;
            return machine;
        }
    }

    private string ReserveNameLocked(string name, bool automatic)
    {
        if (_names.Add(name))
            return name;

        if (!automatic)
            throw new VmHostException(VmHostError.AlreadyExists, $"the name '{name}' is taken; choose another, or remove that machine with: vmctl rm {name}");

        for (var number = 2; ; number++)
        {
            var numbered = string.Create(CultureInfo.InvariantCulture, $"{name}-{number}");
            if (_names.Add(numbered))
                return numbered;
        }
    }

    // A machine that never ran leaves nothing. One that may still run is kept: it is reported as Unknown.
    private static async Task DiscardAsync(Machine machine)
    {
        if (machine.Snapshot.State.IsAtRest())
            await machine.DeleteAsync(evenUnknown: false, CancellationToken.None);
    }

    private void Forget(Machine machine)
    {
        if (machine.RequestId is { } request)
            _requestDigests.TryRemove(request, out _);
        _machines.TryRemove(machine.Snapshot.Id, out _);
        lock (_namesLock)
            _names.Remove(machine.Snapshot.Name);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Id}: its record is of no use: {Problem}")]
    private partial void LogCorrupt(string id, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine} was deleted.")]
    private partial void LogDeleted(string machine);
}
