using System.Text.Json.Nodes;

namespace VmHost.LinuxKit.Bundles;

/// <summary>Which namespaces a container has of its own. In 2017 one that was not named was new; today it is the host's, but for pid.</summary>
internal static class Namespaces
{
    internal static IEnumerable<JsonObject> Of(ContainerSettings settings, bool is2017)
    {
        var unset = is2017 ? "new" : "root";
        (string Type, string Value)[] wanted = is2017
            ?
            [
                ("network", settings.Text("net", unset)), ("pid", settings.Text("pid", "new")), ("ipc", settings.Text("ipc", unset)),
                ("uts", settings.Text("uts", unset)), ("user", settings.Text("userns", "root")),
            ]
            :
            [
                ("network", settings.Text("net", unset)), ("ipc", settings.Text("ipc", unset)), ("uts", settings.Text("uts", unset)),
                ("pid", settings.Text("pid", "new")), ("user", settings.Text("userns", "root")),
            ];
        foreach (var (type, value) in wanted.Append(("mount", "new")))
        {
            switch (value)
            {
                case "host" or "root":
                    break;
                case "new" or "none" when value == "new" || type == "network":
                    yield return new() { ["type"] = type };
                    break;
                case ['/', ..]:
                    yield return new() { ["type"] = type, ["path"] = value };
                    break;
                default:
                    throw new LinuxKitException($"{settings.What}: the {type} namespace is '{value}'; write host, new, or a path such as /run/netns/name");
            }
        }
    }
}
