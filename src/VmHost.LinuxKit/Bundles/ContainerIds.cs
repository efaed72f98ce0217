using System.Globalization;
using VmHost.LinuxKit.Configuration;

namespace VmHost.LinuxKit.Bundles;

/// <summary>Numbers for users that are called by containers' names.</summary>
internal static class ContainerIds
{
    private const int First = 100;

    /// <summary>In the order of the containers; a name that comes twice has its last number.</summary>
    internal static IReadOnlyDictionary<string, int> Allocate(IEnumerable<ContainerPart> containers)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var next = First;
        foreach (var container in containers)
            ids[container.Name] = next++;
        return ids;
    }

    /// <summary>Of a number, of <c>root</c>, of nothing, or of a container's name; null: it is none of them.</summary>
    internal static long? Resolve(string text, IReadOnlyDictionary<string, int> ids) =>
        text is "" or "root" ? 0
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : ids.TryGetValue(text, out var id) ? id
        : null;
}
