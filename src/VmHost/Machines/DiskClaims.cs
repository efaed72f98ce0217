using System.Collections.Immutable;
using System.Globalization;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>
/// Which running machine has which disk or CD-ROM image: one writer or any number of readers. A file counts as the same whatever
/// its name (hard links, symbolic links, bind mounts). xhyve has no lock of its own. Safe for use by several callers at once.
/// </summary>
public sealed class DiskClaims
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string Name, Claim[] Held)> _claims = new(StringComparer.Ordinal);

    /// <summary>Claims all disks and CD-ROM images of a machine, or none. Those that cannot be examined are omitted: the start then fails for that reason.</summary>
    /// <param name="id">The machine's.</param>
    /// <param name="name">The machine's, for the refusal of others.</param>
    /// <param name="disks">The disks.</param>
    /// <param name="cdroms">The paths of the CD-ROM images.</param>
    /// <returns>A fault for each file that another machine has; empty when all are claimed.</returns>
    internal ImmutableArray<SpecFault> TryClaim(string id, string name, ImmutableArray<Disk> disks, ImmutableArray<string> cdroms = default)
    {
        var wanted = Claims(disks, cdroms);
        lock (_lock)
        {
            var faults = ImmutableArray.CreateBuilder<SpecFault>();
            foreach (var (other, (otherName, held)) in _claims)
            {
                if (other == id)
                    continue;

                foreach (var claim in wanted.Where(claim => Array.Exists(held, one => one.Excludes(claim))))
                    faults.Add(new(claim.Field, $"{Quoted.Text(claim.Path)} is a disk of machine {otherName}, which runs; halt that one first, or make the disk read-only in both"));
            }

            if (faults.Count == 0)
                _claims[id] = (name, wanted);

            return faults.DrainToImmutable();
        }
    }

    /// <summary>The machine ended.</summary>
    internal void Release(string id)
    {
        lock (_lock)
            _claims.Remove(id);
    }

    /// <summary>The machine has another name.</summary>
    internal void Rename(string id, string name)
    {
        lock (_lock)
        {
            if (_claims.TryGetValue(id, out var claims))
                _claims[id] = (name, claims.Held);
        }
    }

    private static Claim[] Claims(ImmutableArray<Disk> disks, ImmutableArray<string> cdroms) =>
    [
        .. disks.Select(static (disk, number) => ClaimOf(string.Create(CultureInfo.InvariantCulture, $"spec.disks[{number}].path"), disk.Path, disk.ReadOnly)).OfType<Claim>(),
        .. (cdroms.IsDefault ? [] : cdroms).Select(static (path, number) => ClaimOf(string.Create(CultureInfo.InvariantCulture, $"spec.cdrom_paths[{number}]"), path, readOnly: true)).OfType<Claim>(),
    ];

    private static Claim? ClaimOf(string field, string path, bool readOnly) =>
        FileStatus.TryGet(path, out var status) ? new Claim(field, path, status.Device, status.Inode, readOnly) : null;

    private sealed record Claim(string Field, string Path, ulong Device, ulong Inode, bool ReadOnly)
    {
        internal bool Excludes(Claim other) =>
            Device == other.Device && Inode == other.Inode && !(ReadOnly && other.ReadOnly);
    }
}
