using Google.Protobuf.Reflection;

namespace VmHost.EndToEnd.Api;

/// <summary>The comments of a proto file, by the path of what they describe.</summary>
internal sealed class Comments(FileDescriptorProto file)
{
    private readonly Dictionary<string, string> _byPath = file.SourceCodeInfo.Location
        .Where(static location => location.LeadingComments.Length > 0)
        .ToDictionary(static location => string.Join('.', location.Path), static location => location.LeadingComments, StringComparer.Ordinal);

    /// <summary>Paragraphs, each on one line.</summary>
    internal IReadOnlyList<string> Of(params int[] path) =>
        _byPath.TryGetValue(string.Join('.', path), out var text)
            ? [.. text.Split("\n\n").Select(static paragraph => string.Join(' ', paragraph.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))]
            : [];
}
