namespace VmHost.Daemon.Api;

/// <summary>Names of what this daemon can do, for GetHostInfo. Names are only added. docs/api/README.md describes them.</summary>
internal static class Features
{
    /// <summary>In the order of the alphabet.</summary>
    internal static readonly string[] All =
    [
        "console-after-write", "console-attach", "machine-annotations", "machine-create", "machine-labels", "machine-list-filter",
        "machine-list-pages", "machine-pause-cause", "machine-rename", "machine-reset", "machine-restart", "machine-update-mask",
        "machine-update-spec", "machine-wait-filter",
    ];
}
