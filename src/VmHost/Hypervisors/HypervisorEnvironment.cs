using System.Collections;
using System.Collections.Immutable;

namespace VmHost.Hypervisors;

/// <summary>
/// The environment of hypervisors and their shims: a few variables of this process's own. The others may hold secrets, and
/// <c>/proc/PID/environ</c> shows what a process was given for as long as it runs.
/// </summary>
public sealed class HypervisorEnvironment
{
    private const string LocalePrefix = "LC_";

    private static readonly string[] AlwaysPassed = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"];

    /// <summary>Reads this process's environment as it is now.</summary>
    /// <param name="passed">Names of further variables to pass. A variable that is not set is not passed.</param>
    public HypervisorEnvironment(params IEnumerable<string> passed)
    {
        var names = passed.Concat(AlwaysPassed).ToHashSet(StringComparer.Ordinal);
        var all = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Select(static variable => KeyValuePair.Create((string)variable.Key, (string?)variable.Value))
            .ToLookup(variable => names.Contains(variable.Key) || variable.Key.StartsWith(LocalePrefix, StringComparison.Ordinal));
        Variables = all[true].ToImmutableDictionary(static variable => variable.Key, static variable => variable.Value ?? "", StringComparer.Ordinal);
        Withheld = all[false].ToImmutableDictionary(static variable => variable.Key, static _ => (string?)null, StringComparer.Ordinal);
    }

    /// <summary>The variables to start a process with.</summary>
    public ImmutableDictionary<string, string> Variables { get; }

    /// <summary>The variables to remove, each with null, where a process inherits the environment of this one.</summary>
    internal ImmutableDictionary<string, string?> Withheld { get; }

    /// <summary>Whether the text can be the name of a variable: letters, digits and underscores, not beginning with a digit.</summary>
    public static bool IsName(string text) =>
        text.Length > 0 && !char.IsAsciiDigit(text[0]) && text.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter == '_');
}
