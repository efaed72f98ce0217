using System.Collections.Immutable;
using System.Globalization;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>
/// Which running machine has which disk: one writer or any number of readers. A file counts as the same whatever its
/// name (hard links, symbolic links, bind mounts). xhyve has no lock of its own. Safe for use by several callers at once.
/// </summary>
public sealed class DiskClaims
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Claim[]> _claims = new(StringComparer.Ordinal);

    /// <summary>Claims all disks of a machine, or none.</summary>
    /// <param name="machine">Its name.</param>
    /// <param name="disks">Those that cannot be looked at are passed over: the start then fails by itself.</param>
    /// <returns>Every disk that another machine has; empty when all are claimed.</returns>
    internal ImmutableArray<SpecFault> TryClaim(string machine, ImmutableArray<Disk> disks)
    {
        var wanted = Claims(disks);
        lock (_lock)
        {
            var faults = ImmutableArray.CreateBuilder<SpecFault>();
            foreach (var (other, held) in _claims)
            {
                if (other == machine)
                    continue;

                foreach (var claim in wanted.Where(claim => Array.Exists(held, one => one.Excludes(claim))))
                    faults.Add(new(string.Create(CultureInfo.InvariantCulture, $"spec.disks[{claim.Number}].path"), $"{Quoted.Text(disks[claim.Number].Path)} is a disk of machine {other}, which runs; halt that one first, or make the disk read-only in both"));
            }

            if (faults.Count == 0)
                _claims[machine] = wanted;

            return faults.DrainToImmutable();
        }
    }

    /// <summary>The machine ended.</summary>
    internal void Release(string machine)
    {
        lock (_lock)
            _claims.Remove(machine);
    }

    private static Claim[] Claims(ImmutableArray<Disk> disks) =>
        [.. disks.Select(static (disk, number) => FileStatus.TryGet(disk.Path, out var status)
            ? new Claim(number, status.Device, status.Inode, disk.ReadOnly)
            : null).OfType<Claim>()];

    private sealed record Claim(int Number, ulong Device, ulong Inode, bool ReadOnly)
    {
        internal bool Excludes(Claim other) =>
            Device == other.Device && Inode == other.Inode && !(ReadOnly && other.ReadOnly);
    }
}
