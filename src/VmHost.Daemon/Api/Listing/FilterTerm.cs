using VmHost.Machines;

namespace VmHost.Daemon.Api.Listing;

/// <summary>How a term compares.</summary>
internal enum FilterOperator
{
    /// <summary>The whole value is the same.</summary>
    Equal,

    /// <summary>The whole value differs, or there is none.</summary>
    NotEqual,

    /// <summary>The value begins so.</summary>
    Prefix,
}

/// <summary>One comparison of a filter.</summary>
/// <param name="Field">One of <see cref="Fields"/>, or <see cref="LabelPrefix"/> and a key.</param>
/// <param name="Operator">How it compares.</param>
/// <param name="Value">What it compares with.</param>
internal sealed record FilterTerm(string Field, FilterOperator Operator, string Value)
{
    internal const string LabelPrefix = "labels.";

    /// <summary>The value of <c>labels.KEY:*</c>.</summary>
    internal const string Any = "*";

    internal static readonly string[] Fields = ["name", "id", "state"];

    internal bool Matches(MachineSnapshot snapshot)
    {
        var found = Field switch
        {
            "name" => snapshot.Name,
            "id" => snapshot.Id,
            "state" => snapshot.State.ToString().ToUpperInvariant(),
            _ => snapshot.Labels.GetValueOrDefault(Field[LabelPrefix.Length..]),
        };
        return Operator switch
        {
            FilterOperator.Equal => found == Value,
            FilterOperator.NotEqual => found != Value,
            _ => found is not null && (IsPresence || found.StartsWith(Value, StringComparison.Ordinal)),
        };
    }

    private bool IsPresence => Value == Any && Field.StartsWith(LabelPrefix, StringComparison.Ordinal);
}
