using System.Text.Json.Nodes;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Bundles;

/// <summary>
/// A container's <c>config.json</c>, with the reference tool's bytes. Sources: OCI runtime specification 1.2.1; LinuxKit
/// <c>moby/config.go</c> (today's), and moby at 35d8070ab (2017's).
/// </summary>
internal sealed class OciConfig(ContainerSettings settings, IReadOnlyList<VolumePart> volumes, IReadOnlyDictionary<string, int> ids, bool is2017, string architecture)
{
    /// <exception cref="LinuxKitException">A value is none that a container may have.</exception>
    internal JsonObject Build()
    {
        var json = new JsonObject { ["ociVersion"] = is2017 ? "1.0.0-rc5-dev" : "1.2.1" };
        if (is2017)
            json["platform"] = new JsonObject { ["os"] = "linux", ["arch"] = architecture };
        json["process"] = Process();
        json["root"] = new JsonObject { ["path"] = "rootfs" }.With("readonly", settings.IsReadOnly);
        return json
            .With("hostname", settings.Text("hostname"))
            .With("mounts", JsonParts.Objects(Mounts.Of(settings, volumes, is2017).Select(mount => mount.ToJson())))
            .With("annotations", JsonParts.Map(settings.Value("annotations")))
            .With("linux", Linux(), evenEmpty: true);
    }

    private JsonObject Process()
    {
        var process = new JsonObject();
        if (is2017)
            process["consoleSize"] = new JsonObject { ["height"] = 0, ["width"] = 0 };

        process["user"] = new JsonObject { ["uid"] = Id("uid"), ["gid"] = Id("gid") }
            .With("additionalGids", new JsonArray([.. (settings.Value("additionalGids")?.Items ?? []).Select(value => (JsonNode)Id(value, "additionalGids"))]));
        process
            .With("args", JsonParts.Texts(settings.Arguments))
            .With("env", JsonParts.Texts(settings.Value("env")?.Texts() ?? settings.Image.Environment));
        process["cwd"] = settings.Text("cwd", settings.Image.WorkingDirectory is { Length: > 0 } own ? own : "/");
        process["capabilities"] = AllCapabilities();
        process.With("rlimits", JsonParts.Objects(settings.Texts("rlimits").Select(text => ResourceLimits.Parse(text, settings.What))));
        process.With("noNewPrivileges", settings.Value("noNewPrivileges")?.IsTrue == true);
        if (!is2017 && settings.Value("oomScoreAdj") is { } adjustment)
            process["oomScoreAdj"] = adjustment.Integer;
        return process;
    }

    private JsonObject AllCapabilities()
    {
        var effective = Capabilities.Expand(settings.TextsAndMore("capabilities"), is2017, settings.What);
        var ambient = Capabilities.Expand(settings.Texts("ambient"), is2017, settings.What);
        var bounding = effective.Concat(ambient).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return new JsonObject()
            .With("bounding", JsonParts.Texts(bounding))
            .With("effective", JsonParts.Texts(effective))
            .With("inheritable", JsonParts.Texts(bounding))
            .With("permitted", JsonParts.Texts(bounding))
            .With("ambient", JsonParts.Texts(ambient));
    }

    private JsonObject Linux()
    {
        var devices = (settings.Value("devices")?.Items ?? []).Select(value => ContainerDevice.Parse(value)).ToList();
        var linux = new JsonObject()
            .With("uidMappings", IdMap("uidMappings"))
            .With("gidMappings", IdMap("gidMappings"))
            .With("sysctl", JsonParts.Map(settings.Value("sysctl")));
        linux["resources"] = Resources(devices);
        linux.With("cgroupsPath", settings.Value("cgroupsPath")?.Text);
        linux["namespaces"] = JsonParts.Objects(Namespaces.Of(settings, is2017));
        return linux
            .With("devices", JsonParts.Objects(devices.Where(device => !device.IsAll).Select(device => device.ToJson())))
            .With("rootfsPropagation", settings.Value("rootfsPropagation")?.Text)
            .With("maskedPaths", JsonParts.Texts(settings.Texts("maskedPaths")))
            .With("readonlyPaths", JsonParts.Texts(settings.Texts("readonlyPaths")));
    }

    private JsonObject Resources(IReadOnlyList<ContainerDevice> devices)
    {
        var written = settings.Value("resources") is { } value ? (JsonObject)JsonParts.Ordered(value, LinuxKitSchema.Resources) : [];
        var resources = new JsonObject();
        var rules = new JsonArray([.. written["devices"]?.AsArray().Select(rule => Allowing(rule!.AsObject())) ?? [], .. devices.Select(device => device.Rule())]);
        resources.With("devices", rules);
        foreach (var (key, part) in written.Where(member => member.Key != "devices").ToList())
            resources.With(key == "blockio" ? "blockIO" : key, part?.DeepClone());

        var killer = settings.Part.Own["disableOOMKiller"]?.IsTrue == true;
        if (is2017)
            resources["disableOOMKiller"] = killer;
        else if (killer)
            (resources["memory"] ??= new JsonObject())["disableOOMKiller"] = true;
        return resources;
    }

    // Go writes it whether it was said or not.
    private static JsonObject Allowing(JsonObject rule) =>
        new(rule.Where(member => member.Key != "allow").Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone()))
            .Prepend(KeyValuePair.Create("allow", (JsonNode?)(rule["allow"]?.GetValue<bool>() ?? false))));

    private JsonArray IdMap(string key) =>
        JsonParts.Objects((settings.Value(key)?.Items ?? []).Select(value => new JsonObject
        {
            ["containerID"] = value["containerID"]?.Integer ?? 0,
            ["hostID"] = value["hostID"]?.Integer ?? 0,
            ["size"] = value["size"]?.Integer ?? 0,
        }));

    private long Id(string key) => settings.Value(key) is { } value ? Id(value, key) : 0;

    private long Id(YamlValue value, string key) => ContainerIds.Resolve(value.Scalar, ids) ?? throw new LinuxKitException($"{value.Place}: {key}: cannot find id: {value.Text}");
}
