using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Devices as people type them. What makes sense is the daemon's matter.</summary>
internal static class DeviceSyntax
{
    private const string FilePrefix = "file=";

    /// <summary>LinuxKit's spelling, [file=]PATH[,format=raw|qcow2][,ro]. Other commas are the path's.</summary>
    /// <param name="label">The flag or the place in a manifest, for errors.</param>
    /// <param name="text">As it was written.</param>
    /// <param name="absolute">Makes a path absolute.</param>
    /// <exception cref="CliException">It is not of that form.</exception>
    internal static Disk Disk(string label, string text, Func<string, string> absolute)
    {
        var disk = new Disk();
        var words = text.Split(',').ToList();
        var options = new HashSet<string>(StringComparer.Ordinal);
        while (words.Count > 1 && TryOption(label, words[^1], disk) is { } option)
        {
            if (!options.Add(option))
                throw new CliException(ExitCodes.Usage, $"{label}: {option} is given twice in '{text}'; give it once");

            words.RemoveAt(words.Count - 1);
        }

        disk.Path = absolute(PathIn(string.Join(',', words)));
        if (options.Count > 0 && absolute(PathIn(text)) is var whole && File.Exists(whole))
            throw new CliException(ExitCodes.Usage, $"{label}: '{text}' can mean the file of that name or '{PathIn(string.Join(',', words))}' with options; rename the file {whole}");

        return disk;
    }

    private static string PathIn(string text) => text.StartsWith(FilePrefix, StringComparison.Ordinal) ? text[FilePrefix.Length..] : text;

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
    /// <summary>The network interface of a spec, which is added if it is missing.</summary>
    internal static Network Interface(MachineSpec spec)
    {
        if (spec.Networks.Count == 0)
            spec.Networks.Add(new Network());
        return spec.Networks[0];
    }

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

    // Returns the name of the option; null where the word is a part of the path.
    private static string? TryOption(string label, string word, Disk disk)
    {
        switch (word)
        {
            case "ro" or "readonly":
                disk.ReadOnly = true;
                return "ro";
            case "format=raw":
                disk.Format = DiskFormat.Raw;
                return "format";
            case "format=qcow2":
                disk.Format = DiskFormat.Qcow2;
                return "format";
            case var _ when word.StartsWith("size=", StringComparison.Ordinal):
                throw new CliException(ExitCodes.Usage, $"{label}: VmHost makes no disks; make it first, for example with: truncate -s {word["size=".Length..]} FILE");
            case var _ when word.StartsWith("format=", StringComparison.Ordinal):
                throw new CliException(ExitCodes.Usage, $"{label}: format is raw or qcow2, not '{word["format=".Length..]}'");
            default:
                return null;
        }
    }
}
