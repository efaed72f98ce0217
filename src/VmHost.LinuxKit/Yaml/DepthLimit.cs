using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace VmHost.LinuxKit.Yaml;

/// <summary>
/// Ends with an error what nests too deep, before anything calls itself so deep that the process ends; so does a key that is no scalar: one that
/// holds itself by an alias would be hashed for ever.
/// </summary>
internal sealed class DepthLimit(IParser parser, int limit) : IParser
{
    // Of each open list or map: whether it is a map whose next value is a key.
    private readonly Stack<(bool IsMap, bool WantsKey)> _open = new();
    private int _depth;

    public ParsingEvent? Current => parser.Current;

    public bool MoveNext()
    {
        var moved = parser.MoveNext();
        _depth += moved ? parser.Current!.NestingIncrease : 0;
        if (moved)
            FollowKeys(parser.Current!);
        return _depth <= limit + 2 // the stream and the document
            ? moved
            : throw new YamlException(parser.Current!.Start, parser.Current.End, $"values nest deeper than {limit}");
    }

    private void FollowKeys(ParsingEvent happened)
    {
        if (happened is MappingEnd or SequenceEnd)
        {
            _open.Pop();
            return;
        }

        if (happened is not (Scalar or AnchorAlias or MappingStart or SequenceStart))
            return;

        if (_open.TryPop(out var parent))
        {
            if (parent is { IsMap: true, WantsKey: true } && happened is not Scalar)
                throw new YamlException(happened.Start, happened.End, "a key is one word, and no list or map");
            _open.Push((parent.IsMap, !parent.WantsKey));
        }

        if (happened is MappingStart or SequenceStart)
            _open.Push((happened is MappingStart, true));
    }
}
