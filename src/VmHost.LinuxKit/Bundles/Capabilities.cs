namespace VmHost.LinuxKit.Bundles;

/// <summary>Linux capabilities by their numbers. Source: <c>include/uapi/linux/capability.h</c>, Linux 6.1.</summary>
internal static class Capabilities
{
    private static readonly string[] All =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
        "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
    ];

    // The last of them that a kernel of 2017 knows is CAP_AUDIT_READ.
    private const int Count2017 = 38;

    /// <summary>From a list to capabilities: <c>all</c> and <c>none</c> stand for just that.</summary>
    /// <exception cref="LinuxKitException">One is unknown.</exception>
    internal static IReadOnlyList<string> Expand(IReadOnlyList<string> names, bool is2017, string what)
    {
        if (names is [var only] && only.Equals("none", StringComparison.OrdinalIgnoreCase))
            return [];
        if (names is [var every] && every.Equals("all", StringComparison.OrdinalIgnoreCase))
            return is2017 ? [.. All.Take(Count2017).Order(StringComparer.Ordinal)] : All;

        var unknown = names.Where(name => !All.Contains(name, StringComparer.Ordinal)).ToList();
        return unknown.Count == 0
            ? names
            : throw new LinuxKitException([.. unknown.Select(name => $"{what}: unknown capability: {name}{Yaml.NearestKey.Hint(name.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? name : $"CAP_{name}", All)}")]);
    }
}
