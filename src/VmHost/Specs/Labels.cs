using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace VmHost.Specs;

/// <summary>
/// Checks labels, by which machines are selected, and annotations, which tools keep with a machine. Keys and values have the syntax of
/// Kubernetes ("Labels and Selectors").
/// </summary>
public static class Labels
{
    /// <summary>Labels of a machine; and annotations.</summary>
    public const int MaxCount = 64;

    /// <summary>All keys and values of annotations together, in UTF-8 bytes.</summary>
    public const int MaxAnnotationBytes = 64 << 10;

    private const int MaxNameLength = 63;
    private const int MaxPrefixLength = 253;

    /// <summary>No labels.</summary>
    public static ImmutableSortedDictionary<string, string> None { get; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Everything that is wrong with labels.</summary>
    /// <param name="labels">Keys and values.</param>
    public static IEnumerable<SpecFault> FaultsOfLabels(ImmutableSortedDictionary<string, string> labels)
    {
        foreach (var fault in FaultsOfKeys("labels", labels))
            yield return fault;

        foreach (var (key, value) in labels)
        {
            if (value.Length > 0 && !IsName(value))
                yield return new($"labels[{Quoted.Ascii(key)}]", $"{Quoted.Text(value)} is not a label's value; give at most {MaxNameLength} letters, digits, '-', '_' and '.', with a letter or digit at both ends");
        }
    }

    /// <summary>Everything that is wrong with annotations.</summary>
    /// <param name="annotations">Keys and values.</param>
    public static IEnumerable<SpecFault> FaultsOfAnnotations(ImmutableSortedDictionary<string, string> annotations)
    {
        foreach (var fault in FaultsOfKeys("annotations", annotations))
            yield return fault;

        var bytes = annotations.Sum(static pair => (long)Encoding.UTF8.GetByteCount(pair.Key) + Encoding.UTF8.GetByteCount(pair.Value));
        if (bytes > MaxAnnotationBytes)
            yield return new("annotations", string.Create(CultureInfo.InvariantCulture, $"have {bytes} bytes, and at most {MaxAnnotationBytes} are allowed; keep the data elsewhere"));
    }

    private static IEnumerable<SpecFault> FaultsOfKeys(string field, ImmutableSortedDictionary<string, string> pairs)
    {
        if (pairs.Count > MaxCount)
            yield return new(field, string.Create(CultureInfo.InvariantCulture, $"has {pairs.Count} keys, and at most {MaxCount} are allowed"));

        foreach (var key in pairs.Keys.Where(static key => !IsKey(key)))
            yield return new(field, $"{Quoted.Text(key)} is not a key; give at most {MaxNameLength} letters, digits, '-', '_' and '.', with a letter or digit at both ends, such as role or example.com/role");
    }

    private static bool IsKey(string key) =>
        key.Split('/') switch
        {
            [var name] => IsName(name),
            [var prefix, var name] => IsSubdomain(prefix) && IsName(name),
            _ => false,
        };

    private static bool IsName(string name) =>
        name.Length is > 0 and <= MaxNameLength
        && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
        && name.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');

    private static bool IsSubdomain(string prefix) =>
        prefix.Length is > 0 and <= MaxPrefixLength
        && prefix.Split('.').All(static part => part.Length > 0 && part[0] != '-' && part[^1] != '-'
            && part.All(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-'));
}
