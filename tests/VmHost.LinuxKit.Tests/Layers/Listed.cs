using System.Text;
using VmHost.LinuxKit.Assembly;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Tests.Layers;

/// <summary>What an image consists of, a line for each entry.</summary>
internal static class Listed
{
    /// <summary>Of an image with these layers, the lowest first.</summary>
    internal static async Task<IReadOnlyList<string>> OfAsync(params IReadOnlyList<TestLayer> layers)
    {
        using var images = new TestImages().Add("docker.io/t/layers:1", layers);
        return [.. new Flattener(await images.LoadAsync("docker.io/t/layers:1"), new()).Entries().Select(Describe)];
    }

    /// <summary>Of an image with that layer.</summary>
    internal static async Task<IReadOnlyList<string>> OfAsync(byte[] tar)
    {
        using var images = new TestImages().Add("docker.io/t/layers:1", [], (tar, tar));
        return [.. new Flattener(await images.LoadAsync("docker.io/t/layers:1"), new()).Entries().Select(Describe)];
    }

    internal static string Describe(Entry entry)
    {
        var content = new StringBuilder();
        entry.CopyContent(new byte[4096], bytes => content.Append(Encoding.UTF8.GetString(bytes)));
        string?[] parts =
        [
            $"{entry.Type} {entry.Name} {Convert.ToString(entry.Mode, 8)}",
            content.Length > 0 ? content.ToString() : null,
            entry.Target.Length > 0 ? entry.Target : null,
            entry.DeviceMajor > 0 ? $"{entry.DeviceMajor}:{entry.DeviceMinor}" : null,
            entry.Attributes.Count > 0 ? $"[{string.Join(',', entry.Attributes.Keys)}]" : null,
            entry.Uid > 0 && entry.Gid > 0 ? $"{entry.Uid}:{entry.Gid} {entry.Time}" : null,
        ];
        return string.Join(' ', parts.OfType<string>());
    }
}
