using System.Text.Json.Nodes;
using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Bundles;

/// <summary>A device that a container may use, or with the path <c>all</c> a rule alone.</summary>
internal sealed record ContainerDevice(string Path, string Type, long Major, long Minor, int FileMode)
{
    private static readonly string[] Types = ["a", "b", "c", "p", "u"];

    internal bool IsAll => Path == "all";

    internal static ContainerDevice Parse(YamlValue value)
    {
        var path = value["path"]!.Text;
        var type = value["type"]?.Text ?? "";
        if (!Types.Contains(type))
            throw new LinuxKitException($"{value.Place}: the device {path} lacks its type: b (block), c or u (character), p (FIFO), a (all)");
        if (path == "all")
            return new(path, type, 0, 0, 0);

        var mode = value["mode"]?.Text ?? "";
        return mode.Length is > 0 and <= 5 && mode.All(digit => digit is >= '0' and <= '7')
            ? new(path, type, value["major"]?.Integer ?? 0, value["minor"]?.Integer ?? 0, Convert.ToInt32(mode, 8))
            : throw new LinuxKitException($"{value.Place}: the device {path} lacks its mode, which is octal, such as \"0666\"");
    }

    internal JsonObject ToJson() => new() { ["path"] = Path, ["type"] = Type, ["major"] = Major, ["minor"] = Minor, ["fileMode"] = FileMode };

    internal JsonObject Rule()
    {
        var rule = new JsonObject { ["allow"] = true, ["type"] = Type };
        if (!IsAll)
            (rule["major"], rule["minor"]) = (Major, Minor);
        rule["access"] = "rwm";
        return rule;
    }
}
