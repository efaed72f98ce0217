using System.Globalization;
using System.Text.Json.Nodes;

namespace VmHost.LinuxKit.Bundles;

/// <summary>A container's <c>rlimits</c>: <c>nofile,1024,4096</c>.</summary>
internal static class ResourceLimits
{
    private static readonly string[] Known =
    [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK",
        "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    ];

    /// <exception cref="LinuxKitException">It is no limit.</exception>
    internal static JsonObject Parse(string text, string what)
    {
        if (text.Split(',') is not [var name, var soft, var hard])
            throw new LinuxKitException($"{what}: rlimit '{text}' is not NAME,SOFT,HARD, such as nofile,1024,4096");

        var type = name.Trim().ToUpperInvariant();
        type = type.StartsWith("RLIMIT_", StringComparison.Ordinal) ? type : $"RLIMIT_{type}";
        return Known.Contains(type)
            ? new() { ["type"] = type, ["hard"] = Number(hard, text, what), ["soft"] = Number(soft, text, what) }
            : throw new LinuxKitException($"{what}: there is no rlimit '{name}'{Yaml.NearestKey.Hint(type, Known)}");
    }

    private static ulong Number(string text, string whole, string what) =>
        text.Trim() == "unlimited" ? ulong.MaxValue
        : ulong.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new LinuxKitException($"{what}: rlimit '{whole}': '{text}' is neither a number nor unlimited");
}
