using System.Text.RegularExpressions;

namespace VmHost.Cli.Commands;

/// <summary>Which part of machines' logs is shown.</summary>
/// <param name="Follow">Also what comes.</param>
internal sealed record LogSelection(bool Follow)
{
    /// <summary>Null: all.</summary>
    internal long? TailLines { get; init; }

    internal DateTimeOffset? Since { get; init; }

    internal DateTimeOffset? Until { get; init; }

    /// <summary>From 1; 0 is the current or last, -1 the one before. Null: all.</summary>
    internal int? Boot { get; init; }

    /// <summary>In this order, where it does not go on.</summary>
    internal required IReadOnlyList<string> Sources { get; init; }
}

/// <summary>How lines of logs look.</summary>
internal sealed record LogLayout
{
    internal bool Timestamps { get; init; }

    /// <summary>Only lines in which that is found.</summary>
    internal Regex? Grep { get; init; }

    /// <summary>Each line says whose it is.</summary>
    internal bool Names { get; init; }

    /// <summary>Each line says where it is from.</summary>
    internal bool Sources { get; init; }

    /// <summary>Without what a terminal would obey.</summary>
    internal bool Harmless { get; init; }

    /// <summary>Else bytes pass as they come.</summary>
    internal bool ByLine => Timestamps || Names || Sources || Grep is not null;
}
