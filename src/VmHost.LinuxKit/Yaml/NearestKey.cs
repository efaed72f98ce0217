namespace VmHost.LinuxKit.Yaml;

/// <summary>Which known key somebody meant who wrote an unknown one.</summary>
public static class NearestKey
{
    private const int Near = 2;
    private const int LongestGuess = 100;

    /// <summary>The end of a sentence about an unknown key: the nearest known one, else all.</summary>
    /// <param name="key">The unknown one.</param>
    /// <param name="known">Those that there are, at least one.</param>
    public static string Hint(string key, IEnumerable<string> known)
    {
        var all = known.ToList();
        var (nearest, distance) = all.Select(one => (one, Distance: EditDistance(key, one))).MinBy(pair => pair.Distance);
        return distance <= Near ? $"; did you mean {nearest}?" : $"; there are: {string.Join(", ", all)}";
    }

    // Levenshtein's, by rows; "cmdLine" is as good as "cmdline". A key that nobody knows may be long.
    private static int EditDistance(string left, string right)
    {
        if (left.Length > LongestGuess)
            return left.Length;

        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 0; i < left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i + 1;
            for (var j = 0; j < right.Length; j++)
            {
                var same = char.ToLowerInvariant(left[i]) == char.ToLowerInvariant(right[j]);
                var next = Math.Min(Math.Min(row[j] + 1, row[j + 1] + 1), diagonal + (same ? 0 : 1));
                (diagonal, row[j + 1]) = (row[j + 1], next);
            }
        }

        return row[^1];
    }
}
