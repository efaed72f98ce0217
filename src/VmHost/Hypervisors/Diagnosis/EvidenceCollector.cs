using VmHost.Posix;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Where the daemon keeps things.</summary>
/// <param name="StateDirectory">Absolute path.</param>
/// <param name="RunDirectory">Absolute path.</param>
/// <param name="Socket">Where clients connect.</param>
/// <param name="MachineId">A machine's id, or anything that is as long.</param>
public sealed record DaemonPlaces(string StateDirectory, string RunDirectory, string Socket, string MachineId);

/// <summary>Looks at this host, by its files and its tools. Changes nothing.</summary>
internal sealed class EvidenceCollector(DaemonPlaces places, TimeProvider time)
{
    private static readonly TimeSpan ToolLimit = TimeSpan.FromSeconds(5);

    private readonly Questions _questions = new(ToolLimit, time);

    internal async Task<HostEvidence> CollectAsync(HostFacts facts, CancellationToken ct)
    {
        var isMac = facts.Platform.IsMac;
        var memory = isMac ? _questions.AskAsync("/usr/bin/vm_stat", ct) : Task.Run(() => HostFiles.Read("/proc/meminfo"), ct);
        var processes = isMac ? _questions.AskAsync("/bin/ps", ct, "-axo", "comm=") : Task.Run(LinuxHost.Processes, ct);
        var linux = isMac ? null : LinuxHost.LookAsync(_questions, ct);
        var mac = isMac ? MacHost.LookAsync(_questions, facts, ct) : null;
        return new()
        {
            Facts = facts,
            StateDirectory = places.StateDirectory,
            FreeStateBytes = HostFiles.FreeBytes(places.StateDirectory),
            LongestSocketPath = LongestSocket(),
            Memory = await memory,
            Processes = await processes,
            Linux = linux is null ? null : await linux,
            Mac = mac is null ? null : await mac,
        };
    }

    private string LongestSocket()
    {
        var machine = new MachinePaths(places.StateDirectory, Path.Combine(places.RunDirectory, places.MachineId));
        string[] sockets = [places.Socket, machine.ShimSocket, machine.QmpSocket, machine.RestSocket];
        return sockets.MaxBy(System.Text.Encoding.UTF8.GetByteCount)!;
    }
}

/// <summary>What files tell; null where they do not.</summary>
internal static class HostFiles
{
    internal static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static long? FreeBytes(string directory)
    {
        try
        {
            return new DriveInfo(directory).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Why this user cannot open it for reading and writing; null when they can.</summary>
    internal static string? OpenError(string device)
    {
        var descriptor = Descriptor.TryOpen(device, Descriptor.ReadWrite);
        if (descriptor < 0)
            return System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(Descriptor.LastError);

        Descriptor.Close(descriptor);
        return null;
    }
}
