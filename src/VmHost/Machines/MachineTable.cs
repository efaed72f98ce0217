using System.Collections.Concurrent;
using System.Globalization;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>The machines that there are, and the names that they have. Safe for use by several callers at once.</summary>
public sealed class MachineTable
{
    private readonly ConcurrentDictionary<string, Machine> _machines = new(StringComparer.Ordinal);

    // By the id of the request that created a machine. One of an older version's record has no digest, and is not here.
    private readonly ConcurrentDictionary<string, string> _requestDigests = new(StringComparer.Ordinal);

    // Guards _names, and the addition of new machines.
    private readonly Lock _lock = new();
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>All machines, in no order.</summary>
    internal IEnumerable<Machine> All => _machines.Values;

    /// <summary>How many there are.</summary>
    internal int Count => _machines.Count;

    /// <summary>Adds one that was found on disk.</summary>
    /// <param name="machine">It.</param>
    /// <param name="requestDigest">Of the request that created it; null if that is not on record.</param>
    internal void Add(Machine machine, string? requestDigest)
    {
        lock (_lock)
            AddLocked(machine, requestDigest);
    }

    /// <summary>Makes and adds a new one, of a name that no other has.</summary>
    /// <param name="name">Its name, or the beginning of it.</param>
    /// <param name="isAutomatic">Whether a number may be added to the name.</param>
    /// <param name="requestDigest">Of the request that creates it; null for none.</param>
    /// <param name="limit">How many there may be with it.</param>
    /// <param name="make">Makes it, from its name.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.AlreadyExists"/>: another has the name; <see cref="VmHostError.ResourceExhausted"/>: there are too many.
    /// </exception>
    internal Machine AddNew(string name, bool isAutomatic, string? requestDigest, int limit, Func<string, Machine> make)
    {
        lock (_lock)
        {
            ThrowIfFull(limit);   // of several requests for the last place one gets it
            var machine = make(FreeNameLocked(name, isAutomatic));
            AddLocked(machine, requestDigest);
            return machine;
        }
    }

    /// <summary>Throws when there is no room for one more.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.ResourceExhausted"/>.</exception>
    internal void ThrowIfFull(int limit)
    {
        if (Count >= limit)
        {
            throw new VmHostException(VmHostError.ResourceExhausted, $"there are {Count} machines, and {limit} is the most: remove one (vmctl rm), or start vmhostd with a larger --max-machines")
            {
                Reason = ErrorReason.MachineLimit,
                Metadata = ErrorMetadata.Of(("limit", limit), ("in_use", Count)),
            };
        }
    }

    /// <summary>The machine that a request created, if it did; an answer may have been lost with the connection, or with an earlier daemon.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: another request of the same id did.</exception>
    internal Machine? FindCreatedBy(MachineRequest request)
    {
        if (request.Id is not { } id || All.FirstOrDefault(machine => machine.RequestId == id) is not { } made)
            return null;

        return _requestDigests.TryGetValue(id, out var digest) && digest != request.Digest
            ? throw VmHostException.ForFaults([MachineRequest.IdFault], reason: ErrorReason.RequestIdReused)
            : made;
    }

    /// <summary>Takes a name for a machine that is to be renamed.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.AlreadyExists"/>.</exception>
    internal void Reserve(string name)
    {
        lock (_lock)
            _names.Add(FreeNameLocked(name, isAutomatic: false));
    }

    /// <summary>Frees a name that no machine has any more.</summary>
    internal void Release(string name)
    {
        lock (_lock)
            _names.Remove(name);
    }

    /// <summary>Removes one whose files are gone.</summary>
    internal void Remove(Machine machine)
    {
        if (machine.RequestId is { } request)
            _requestDigests.TryRemove(request, out _);
        _machines.TryRemove(machine.Snapshot.Id, out _);
        lock (_lock)
            _names.Remove(machine.Snapshot.Name);
    }

    private void AddLocked(Machine machine, string? requestDigest)
    {
        _machines[machine.Snapshot.Id] = machine;
        _names.Add(machine.Snapshot.Name);
        if (machine.RequestId is { } request && requestDigest is not null)
            _requestDigests[request] = requestDigest;
    }

    private string FreeNameLocked(string name, bool isAutomatic)
    {
        if (!_names.Contains(name))
            return name;

        if (!isAutomatic)
            throw new VmHostException(VmHostError.AlreadyExists, $"the name '{name}' is taken; choose another, or remove that machine with: vmctl rm {name}");

        for (var number = 2; ; number++)
        {
            var numbered = string.Create(CultureInfo.InvariantCulture, $"{name}-{number}");
            if (!_names.Contains(numbered))
                return numbered;
        }
    }
}
