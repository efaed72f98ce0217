using System.Collections.Immutable;
using System.Globalization;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>What is allowed in a machine's files and probably a mistake.</summary>
internal static class ImageWarnings
{
    private const int SectorBytes = 512;

    /// <summary>One sentence each; empty if nothing is suspicious.</summary>
    internal static ImmutableArray<string> Of(MachineSpec spec)
    {
        var warnings = ImmutableArray.CreateBuilder<string>();
        if (spec.Boot.InitrdPath is { } initrd && InitrdFormat.WarningFor(initrd) is { } warning)
            warnings.Add(warning);

        foreach (var disk in spec.Disks)
        {
            if (disk.Format == DiskFormat.Raw && FileStatus.TryGet(disk.Path, out var status) && status.Size % SectorBytes is var rest and > 0)
                warnings.Add(string.Create(CultureInfo.InvariantCulture, $"the raw disk {Quoted.Text(disk.Path)} has {status.Size} bytes, which is not a multiple of {SectorBytes}: the guest may not see its last {rest} bytes; check that it is a raw image"));
        }

        return warnings.DrainToImmutable();
    }
}
