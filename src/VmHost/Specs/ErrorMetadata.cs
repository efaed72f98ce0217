using System.Collections.Immutable;
using System.Globalization;

namespace VmHost.Specs;

/// <summary>Values of an error for programs: machine, holder, limit, in_use, free.</summary>
internal static class ErrorMetadata
{
    internal static ImmutableSortedDictionary<string, string> None { get; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    internal static ImmutableSortedDictionary<string, string> Of(params (string Key, object Value)[] values) =>
        None.AddRange(values.Select(static one => KeyValuePair.Create(one.Key, Convert.ToString(one.Value, CultureInfo.InvariantCulture)!)));
}
