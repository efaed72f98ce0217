using System.Globalization;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Looks at a Linux host.</summary>
internal static class LinuxHost
{
    private const string Kvm = "/dev/kvm";

    internal static async Task<LinuxEvidence> LookAsync(Questions questions, CancellationToken ct)
    {
        var hasDevice = File.Exists(Kvm);
        var status = hasDevice ? await questions.AskAsync("/usr/bin/stat", ct, "-L", "-c", "%a %G", Kvm) : null;
        return new(hasDevice, hasDevice ? HostFiles.OpenError(Kvm) : null, status, HostFiles.Read("/proc/cpuinfo"));
    }

    /// <summary>Their names, as ps would show them: not every host has one.</summary>
    internal static string? Processes()
    {
        try
        {
            return string.Concat(Directory.EnumerateDirectories("/proc")
                .Where(directory => int.TryParse(Path.GetFileName(directory.AsSpan()), CultureInfo.InvariantCulture, out _))
                .Select(directory => HostFiles.Read(Path.Combine(directory, "comm"))));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
