using System.Collections.Immutable;
using System.Globalization;
using VmHost.Specs;

namespace VmHost.Hypervisors.Bhyve;

/// <summary>
/// What xhyve and HyperKit, two ports of FreeBSD's bhyve, have in common: a PC made of <c>-s SLOT,DEVICE</c> options, and
/// values that end at a comma, for which no escape exists. So every file is named by a link in the machine's directory.
/// </summary>
internal sealed class BhyveDevices(PlanOptions options, MachinePaths paths)
{
    // Slot 0 is the host bridge's, 31 the LPC bridge's. The interface keeps 2, so that the disks' names do not change
    // with it; 1 stays free.
    private const int NetworkSlot = 2;
    private const int FirstFreeSlot = 3;

    private const string BlankCommandLine = " ";

    private readonly ImmutableArray<PlanLink>.Builder _links = ImmutableArray.CreateBuilder<PlanLink>();
    private int _slot = FirstFreeSlot;

    /// <summary>Made before the start.</summary>
    internal ImmutableArray<PlanLink> Links => _links.ToImmutable();

    /// <summary>The board: without the first Linux looks for no devices, without the second there is no serial port.</summary>
    internal void AddBoard(string? secondSerial)
    {
        options.Add("the PCI host bridge, which the ACPI tables have at 0:0", "-s", "0:0,hostbridge");
        options.Add("the LPC bridge, which the ACPI tables have at slot 31; without it -l is silently ignored", "-s", "31,lpc");
        options.Add("ttyS0 on the terminal that is file 0 of the process", "-l", "com1,stdio");
        if (secondSerial is not null)
            options.Add("ttyS1 on a terminal of the host", "-l", $"com2,{secondSerial}");
    }

    internal void AddNetwork(string reason, string device) =>
        options.Add(reason, "-s", string.Create(CultureInfo.InvariantCulture, $"{NetworkSlot}:0,{device}"));

    internal void AddDisks(ImmutableArray<Disk> disks)
    {
        for (var i = 0; i < disks.Length; i++)
        {
            var link = Link(string.Create(CultureInfo.InvariantCulture, $"disk{i}"), disks[i].Path);
            var device = disks[i].Format == DiskFormat.Qcow2 ? $"virtio-blk,file://{link},format=qcow" : $"virtio-blk,{link}";
            Add($"disk {i}, by a link without commas", disks[i].ReadOnly ? device + ",ro" : device);
        }
    }

    internal void AddCdroms(ImmutableArray<string> images)
    {
        for (var i = 0; i < images.Length; i++)
        {
            var link = Link(string.Create(CultureInfo.InvariantCulture, $"cdrom{i}"), images[i]);
            Add($"CD-ROM {i}, by a link without commas", $"ahci-cd,{link}");
        }
    }

    internal void AddEntropy() => Add("random numbers from the host, or the guest may wait minutes for its own", "virtio-rnd");

    /// <summary>
    /// All three commas are always there: xhyve refuses a value with fewer. What follows the third may hold any. An empty command
    /// line would become <c>auto</c> in both loaders.
    /// </summary>
    internal void AddFirmware(BootFiles boot)
    {
        var kernel = Link("kernel", boot.KernelPath);
        var initrd = boot.InitrdPath is { } path ? Link("initrd", path) : "";
        var (commandLine, reason) = boot.CommandLine.Length > 0 ? (boot.CommandLine, "") : (BlankCommandLine, "; the empty command line is one space, since this loader makes 'auto' of an empty one");
        options.Add($"boots Linux directly; kernel and initrd by links without commas{reason}", "-f", $"kexec,{kernel},{initrd},{commandLine}");
    }

    private void Add(string reason, string device) =>
        options.Add(reason, "-s", string.Create(CultureInfo.InvariantCulture, $"{_slot++}:0,{device}"));

    private string Link(string name, string target)
    {
        var link = new PlanLink(Path.Combine(paths.Directory, name), target);
        _links.Add(link);
        return link.Path;
    }
}
