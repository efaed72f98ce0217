using System.Text.Json.Nodes;

namespace VmHost.LinuxKit.Bundles;

/// <summary>A container's <c>runtime.json</c>: what today's guest init does before it starts it. All keys are always there.</summary>
internal static class RuntimeConfig
{
    private static readonly string[] Namespaces = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

    /// <param name="settings">Of the container.</param>
    /// <param name="rootMounts">What makes its root file system.</param>
    internal static JsonObject Build(ContainerSettings settings, IReadOnlyList<Mount> rootMounts)
    {
        var names = new JsonObject();
        foreach (var name in Namespaces)
            names[name] = settings.Runtime("bindNS", name)?.Text ?? "";

        return new()
        {
            ["cgroups"] = JsonParts.Texts(settings.Runtime("cgroups")?.Texts() ?? []),
            ["mounts"] = JsonParts.Objects(rootMounts.Concat((settings.Runtime("mounts")?.Items ?? []).Select(Mounts.Plain)).Select(mount => mount.ToJson())),
            ["mkdir"] = JsonParts.Texts(settings.Runtime("mkdir")?.Texts() ?? []),
            ["interfaces"] = JsonParts.Objects((settings.Runtime("interfaces")?.Items ?? []).Select(value =>
            {
                var json = new JsonObject().With("name", value["name"]?.Text).With("add", value["add"]?.Text).With("peer", value["peer"]?.Text);
                json["createInRoot"] = value["createInRoot"]?.IsTrue == true;
                return json;
            })),
            ["bindNS"] = names,
            ["namespace"] = settings.Runtime("namespace")?.Text ?? "",
        };
    }
}
