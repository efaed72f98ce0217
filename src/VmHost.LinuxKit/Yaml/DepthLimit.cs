using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace VmHost.LinuxKit.Yaml;

/// <summary>Ends with an error what nests too deep, before anything calls itself so deep that the process ends.</summary>
internal sealed class DepthLimit(IParser parser, int limit) : IParser
{
    private int _depth;

    public ParsingEvent? Current => parser.Current;

    public bool MoveNext()
    {
        var moved = parser.MoveNext();
        _depth += moved ? parser.Current!.NestingIncrease : 0;
        return _depth <= limit + 2 // the stream and the document
            ? moved
            : throw new YamlException(parser.Current!.Start, parser.Current.End, $"values nest deeper than {limit}");
    }
}
