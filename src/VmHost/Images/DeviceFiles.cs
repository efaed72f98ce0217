using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>Looks into the files behind a machine's devices: disks, CD-ROMs, the second serial port, vpnkit's socket.</summary>
public static class DeviceFiles
{
    private const string SecondSerial = "spec.second_serial_path";

    /// <summary>Everything that is wrong with the files of a request; empty when nothing is.</summary>
    public static ImmutableArray<SpecFault> Check(MachineRequest request) =>
        Check(request.Disks, request.CdromPaths, request.SecondSerialPath, request.Network);

    /// <summary>Checks files that were sound once more, before a boot: they may have changed since.</summary>
    public static ImmutableArray<SpecFault> Recheck(MachineSpec spec) =>
        Check(spec.Disks, spec.CdromPaths, spec.SecondSerialPath, spec.Network);

    private static ImmutableArray<SpecFault> Check(ImmutableArray<Disk> disks, ImmutableArray<string> cdroms, string? secondSerial, Network? network)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        var seen = new Dictionary<(ulong Device, ulong Inode), (string Field, bool IsReadOnly)>();
        for (var i = 0; i < disks.Length; i++)
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"spec.disks[{i}]");
            if (!Enum.IsDefined(disks[i].Format))
                faults.Add(new($"{field}.format", $"{(int)disks[i].Format} is no format that this version knows; use RAW or QCOW2"));
            else if (FaultOf(disks[i], seen, field) is { } fault)
                faults.Add(new($"{field}.path", fault));
        }

        for (var i = 0; i < cdroms.Length; i++)
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"spec.cdrom_paths[{i}]");
            using var file = ImageFile.Open(cdroms[i], mayBeEmpty: false, out var status, out var fault);
            if (file is null)
                faults.Add(new(field, fault));
            else if (seen.TryGetValue((status.Device, status.Inode), out var disk) && !disk.IsReadOnly)
                faults.Add(new(field, $"{Quoted.Text(cdroms[i])} is the same file as {disk.Field}, which the guest may write; give it once, or make the disk read-only"));
        }

        if (secondSerial is not null && SerialFaultOf(secondSerial) is { } serialFault)
            faults.Add(new(SecondSerial, serialFault));

        // HyperKit would wait for it indefinitely. The specification's check reports a missing one, and one of another mode.
        if (network is { Mode: NetworkMode.Vpnkit, VpnkitSocket: { Length: > 0 } vpnkitSocket } && SocketFaultOf(vpnkitSocket) is { } socketFault)
            faults.Add(new("spec.networks[0].vpnkit_socket", socketFault));

        return faults.DrainToImmutable();
    }

    private static string? FaultOf(Disk disk, Dictionary<(ulong Device, ulong Inode), (string Field, bool IsReadOnly)> seen, string field)
    {
        using var file = ImageFile.Open(disk.Path, mayBeEmpty: false, out var status, out var fault);
        if (file is null)
            return fault;

        var shown = Quoted.Text(disk.Path);
        if (!seen.TryAdd((status.Device, status.Inode), (field, disk.ReadOnly)))
            return $"{shown} is the same file as {seen[(status.Device, status.Inode)].Field}; give each disk once";

        try
        {
            if (Qcow2Header.FaultOf(file, disk.Format) is { } problem)
                return $"{shown} {problem}";
        }
        catch (IOException e)
        {
            return $"{shown} cannot be read ({e.Message}); check the file";
        }

        // xhyve and HyperKit would silently give the guest a read-only disk.
        return disk.ReadOnly || MayWrite(disk.Path)
            ? null
            : $"{shown} may not be written by the user that runs vmhostd; change its permissions, or make the disk read-only";
    }

    private static bool MayWrite(string path)
    {
        var descriptor = Descriptor.TryOpen(path, Descriptor.ReadWrite | Descriptor.CloseOnExec);
        if (descriptor < 0)
            return false;

        Descriptor.Close(descriptor);
        return true;
    }

    private static string? SerialFaultOf(string path)
    {
        const string problem = "is not a terminal device";
        const string remedy = "give a terminal device, such as /dev/ttyS1 or one of a pty";
        return TypeFaultOf(path, FileType.CharacterDevice, problem, remedy)
            ?? (TerminalDevice.Is(path) ? null : $"{Quoted.Text(path)} {problem}; {remedy}");
    }

    private static string? SocketFaultOf(string path) =>
        TypeFaultOf(path, FileType.Socket, "is no socket", "start vpnkit, and give the path of its Ethernet socket");

    private static string? TypeFaultOf(string path, FileType type, string problem, string cure)
    {
        if (ImageFile.PathFaultOf(path) is { } fault)
            return fault;

        var shown = Quoted.Text(path);
        if (!FileStatus.TryGet(path, out var status))
            return $"{shown} cannot be looked at ({Marshal.GetPInvokeErrorMessage(status.Errno)}); {cure}";

        return status.Type == type ? null : $"{shown} {problem}; {cure}";
    }
}
