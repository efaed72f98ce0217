using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Devices as people type them. What makes sense is the daemon's matter.</summary>
internal static class DeviceSyntax
{
    /// <summary>LinuxKit's spelling, [file=]PATH[,format=raw|qcow2][,ro]. Other commas are the path's.</summary>
    /// <param name="label">The flag or the place in a manifest, for errors.</param>
    /// <param name="text">As it was written.</param>
    /// <param name="absolute">Makes a path absolute.</param>
    /// <exception cref="CliException">It is not of that form.</exception>
    internal static Disk Disk(string label, string text, Func<string, string> absolute)
    {
        var disk = new Disk();
        var words = text.Split(',').ToList();
        while (words.Count > 1 && TryOption(label, words[^1], disk))
            words.RemoveAt(words.Count - 1);

        var path = string.Join(',', words);
        if (path.StartsWith("file=", StringComparison.Ordinal))
            path = path["file=".Length..];

        disk.Path = absolute(path);
        return disk;
    }

    /// <summary>nat, none, or vpnkit=SOCKET.</summary>
    /// <exception cref="CliException">It is none of these.</exception>
    internal static Network Network(string label, string text, Func<string, string> absolute) =>
        text switch
        {
            "nat" => new() { Mode = NetworkMode.Nat },
            "none" => new() { Mode = NetworkMode.None },
            _ when text.StartsWith("vpnkit=", StringComparison.Ordinal) =>
                new() { Mode = NetworkMode.Vpnkit, VpnkitSocket = absolute(text["vpnkit=".Length..]) },
            _ => throw new CliException(ExitCodes.Usage, $"{label} wants nat, none or vpnkit=SOCKET, not '{text}'"),
        };

    /// <summary>restart or stop.</summary>
    /// <exception cref="CliException">It is neither.</exception>
    internal static RebootAction OnReboot(string label, string text) =>
        text switch
        {
            "restart" => RebootAction.Restart,
            "stop" => RebootAction.Stop,
            _ => throw new CliException(ExitCodes.Usage, $"{label} wants restart or stop, not '{text}'"),
        };

    /// <summary>auto, qemu, xhyve, hyperkit or vfkit.</summary>
    /// <exception cref="CliException">It is none of these.</exception>
    internal static HypervisorKind Hypervisor(string label, string text) =>
        text switch
        {
            "auto" => HypervisorKind.Unspecified,
            "qemu" => HypervisorKind.Qemu,
            "xhyve" => HypervisorKind.Xhyve,
            "hyperkit" => HypervisorKind.Hyperkit,
            "vfkit" => HypervisorKind.Vfkit,
            _ => throw new CliException(ExitCodes.Usage, $"{label} wants auto, qemu, xhyve, hyperkit or vfkit, not '{text}'"),
        };

    private static bool TryOption(string label, string word, Disk disk)
    {
        switch (word)
        {
            case "ro" or "readonly":
                disk.ReadOnly = true;
                return true;
            case "format=raw":
                disk.Format = DiskFormat.Raw;
                return true;
            case "format=qcow2":
                disk.Format = DiskFormat.Qcow2;
                return true;
            case var _ when word.StartsWith("size=", StringComparison.Ordinal):
                throw new CliException(ExitCodes.Usage, $"{label}: VmHost makes no disks; make it first, for example with: truncate -s {word["size=".Length..]} FILE");
            case var _ when word.StartsWith("format=", StringComparison.Ordinal):
                throw new CliException(ExitCodes.Usage, $"{label}: format is raw or qcow2, not '{word["format=".Length..]}'");
            default:
                return false;
        }
    }
}
