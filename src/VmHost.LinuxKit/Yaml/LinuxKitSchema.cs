using static VmHost.LinuxKit.Yaml.Shape;

namespace VmHost.LinuxKit.Yaml;

/// <summary>
/// The keys of LinuxKit's YAML: those of today's tool, and of 2017's <c>outputs</c>, <c>trust</c> and
/// <c>disableOOMKiller</c>. Source: LinuxKit <c>src/cmd/linuxkit/moby/schema.go</c> at 3bf33c3a1.
/// </summary>
internal static class LinuxKitSchema
{
    private static readonly MapShape Mount = Map(
        ("destination", Text), ("type", Text), ("source", Text), ("options", Texts), ("uidmappings", ListOf(IdMapping())), ("gidmappings", ListOf(IdMapping())));

    private static readonly MapShape Device = Map(("path", Text), ("type", Text), ("major", Number), ("minor", Number), ("mode", Text)).Requiring("path");

    private static readonly MapShape WeightDevice = Map(("major", Number), ("minor", Number), ("weight", Number), ("leafWeight", Number));

    private static readonly Shape Throttle = ListOf(Map(("major", Number), ("minor", Number), ("rate", Number)));

    /// <summary>In the order in which <c>config.json</c> has its keys.</summary>
    internal static readonly MapShape Resources = Map(
        ("devices", ListOf(Map(("allow", Flag), ("type", Text), ("major", Number), ("minor", Number), ("access", Text)))),
        ("memory", Map(
            ("limit", Number), ("reservation", Number), ("swap", Number), ("kernel", Number), ("kernelTCP", Number), ("swappiness", Number), ("disableOOMKiller", Flag))),
        ("cpu", Map(
            ("shares", Number), ("quota", Number), ("period", Number), ("realtimeRuntime", Number), ("realtimePeriod", Number), ("cpus", Text), ("mems", Text))),
        ("pids", Map(("limit", Number))),
        ("blockio", Map(
            ("weight", Number), ("leafWeight", Number), ("weightDevice", ListOf(WeightDevice)), ("throttleReadBpsDevice", Throttle),
            ("throttleWriteBpsDevice", Throttle), ("throttleReadIOPSDevice", Throttle), ("throttleWriteIOPSDevice", Throttle))),
        ("hugepageLimits", ListOf(Map(("pageSize", NumberOrText), ("limit", Number)))),
        ("network", Map(("classID", Number), ("priorities", ListOf(Map(("name", Text), ("priority", Number)))))));

    private static readonly MapShape Runtime = Map(
        ("cgroups", Texts),
        ("mounts", ListOf(Mount)),
        ("mkdir", Texts),
        ("interfaces", ListOf(Map(("name", Text), ("add", Text), ("peer", Text), ("createInRoot", Flag)))),
        ("bindNS", Map(("cgroup", Text), ("ipc", Text), ("mnt", Text), ("net", Text), ("pid", Text), ("user", Text), ("uts", Text))),
        ("namespace", Text));

    /// <summary>What an image's label <c>org.mobyproject.config</c> may say.</summary>
    internal static readonly MapShape Label = Map(
        ("capabilities", Texts), ("capabilities.add", Texts), ("ambient", Texts),
        ("mounts", ListOf(Mount)), ("binds", Texts), ("binds.add", Texts), ("tmpfs", Texts), ("devices", ListOf(Device)),
        ("command", Texts), ("env", Texts), ("cwd", Text),
        ("net", Text), ("ipc", Text), ("uts", Text), ("pid", Text), ("userns", Text),
        ("readonly", Flag), ("maskedPaths", Texts), ("readonlyPaths", Texts),
        ("uid", NumberOrText), ("gid", NumberOrText), ("additionalGids", ListOf(NumberOrText)),
        ("noNewPrivileges", Flag), ("hostname", Text), ("oomScoreAdj", Number), ("rootfsPropagation", Text), ("cgroupsPath", Text),
        ("resources", Resources), ("sysctl", TextMap), ("rlimits", Texts),
        ("uidMappings", ListOf(IdMapping())), ("gidMappings", ListOf(IdMapping())), ("annotations", TextMap), ("runtime", Runtime));

    private static readonly MapShape Container =
        Label.With(("name", Text), ("image", Text), ("disableOOMKiller", Flag)).Requiring("name", "image");

    private static readonly MapShape File = Map(
        ("path", Text), ("directory", Flag), ("symlink", Text), ("contents", Text), ("source", Text), ("metadata", Text), ("optional", Flag),
        ("mode", Text), ("uid", NumberOrText), ("gid", NumberOrText)).Requiring("path");

    private static readonly MapShape Volume = Map(
        ("name", Text), ("image", Text), ("readonly", Flag), ("format", Text), ("platforms", Texts)).Requiring("name");

    internal static readonly MapShape Root = Map(
        ("kernel", Map(("image", Text), ("cmdline", Text), ("binary", Text), ("tar", Text), ("ucode", Text))),
        ("init", Texts), ("volumes", ListOf(Volume)),
        ("onboot", ListOf(Container)), ("onshutdown", ListOf(Container)), ("services", ListOf(Container)), ("files", ListOf(File)),
        ("trust", Map(("image", Texts), ("org", Texts))),
        ("outputs", ListOf(Map(("format", Text), ("project", Text), ("bucket", Text), ("family", Text), ("public", Flag), ("replace", Flag)))));

    private static MapShape IdMapping() => Map(("hostID", Number), ("containerID", Number), ("size", Number));
}
