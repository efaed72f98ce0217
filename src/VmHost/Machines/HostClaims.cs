using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>What of the host belongs to which running machine: disks and memory. Safe for use by several callers at once.</summary>
/// <param name="memory">What the guests that run may have together.</param>
public sealed class HostClaims(ByteSize memory)
{
    private readonly DiskClaims _disks = new();

    // Guards _memoryOf.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _memoryOf = new(StringComparer.Ordinal);

    /// <summary>Claims all that a machine needs, or nothing.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: another one has a disk of it; <see cref="VmHostError.ResourceExhausted"/>:
    /// the memory does not do.
    /// </exception>
    internal void Claim(string id, string name, MachineSpec spec)
    {
        if (_disks.TryClaim(id, name, spec.Disks, spec.CdromPaths) is { IsEmpty: false } faults)
            throw VmHostException.ForFaults(faults, VmHostError.FailedPrecondition, ErrorReason.ResourceInUse);

        lock (_lock)
        {
            var others = _memoryOf.Where(one => one.Key != id).Sum(one => one.Value);
            if (others + spec.Memory.Bytes <= memory.Bytes)
            {
                _memoryOf[id] = spec.Memory.Bytes;
                return;
            }

            _disks.Release(id);
            throw new VmHostException(
                VmHostError.ResourceExhausted,
                $"machine {name} wants {spec.Memory} of memory; {_memoryOf.Count(one => one.Key != id)} machines that run have {new ByteSize(others)}, and {memory} is the most for all together: halt one, give less with --memory, or start vmhostd with a larger --max-memory-bytes")
            {
                Reason = ErrorReason.MemoryLimit,
                Metadata = ErrorMetadata.Of(("limit", memory.Bytes), ("in_use", others), ("machine", name)),
            };
        }
    }

    /// <summary>For a machine that runs already, whatever that comes to.</summary>
    internal void ClaimUnasked(string id, string name, MachineSpec spec)
    {
        _disks.TryClaim(id, name, spec.Disks, spec.CdromPaths);
        lock (_lock)
            _memoryOf[id] = spec.Memory.Bytes;
    }

    /// <summary>A machine has another name.</summary>
    internal void Rename(string id, string name) => _disks.Rename(id, name);

    /// <summary>The machine ended.</summary>
    internal void Release(string id)
    {
        _disks.Release(id);
        lock (_lock)
            _memoryOf.Remove(id);
    }
}
