using System.Text;

namespace VmHost.Specs;

/// <summary>The rule of machine names: 1 to 63 of a-z, 0-9 and '-', not '-' at either end, and not like an id.</summary>
public static class MachineName
{
    /// <summary>In characters, all of them ASCII.</summary>
    public const int MaxLength = 63;

    /// <summary>Of a name that <see cref="FromBaseName"/> makes, so that <c>-2</c> to <c>-99</c> can be put behind it.</summary>
    public const int MaxBaseLength = 60;

    private const string Fallback = "machine";

    /// <summary>What is wrong with a name, as a message; null when nothing is.</summary>
    public static string? FaultOf(string name)
    {
        const string rule = "use 1 to 63 of a-z, 0-9 and '-', with no '-' at either end";

        if (name.Length == 0)
            return $"is empty; {rule}, or leave the name out to get one";
        if (name.Length > MaxLength)
            return $"{Quoted.Ascii(name)} is {name.Length} characters long; {rule}";
        if (!IsValid(name))
            return $"{Quoted.Ascii(name)} is not a machine name; {rule}";
        if (IsIdLike(name))
            return $"{Quoted.Ascii(name)} would be read as a machine's id, which is 12 hex digits; use another length or another letter";

        return null;
    }

    /// <summary>A valid name made of a file's base name: <c>Linux Redis_v2</c> gives <c>linux-redis-v2</c>.</summary>
    /// <param name="baseName">Any text, even none; then the name is <c>machine</c>.</param>
    /// <returns>At most <see cref="MaxBaseLength"/> characters.</returns>
    public static string FromBaseName(string baseName)
    {
        var name = new StringBuilder();
        foreach (var letter in baseName)
        {
            if (name.Length == MaxBaseLength)
                break;
            if (char.IsAsciiLetterOrDigit(letter))
                name.Append(char.ToLowerInvariant(letter));
            else if (name.Length > 0 && name[^1] != '-')
                name.Append('-');
        }

        var result = name.ToString().TrimEnd('-');
        if (result.Length == 0)
            return Fallback;

        return IsIdLike(result) ? $"{Fallback}-{result}" : result;
    }

    private static bool IsValid(string name) =>
        name[0] != '-'
        && name[^1] != '-'
        && name.All(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-');

    private static bool IsIdLike(string name) =>
        name.Length == 12 && name.All(char.IsAsciiHexDigitLower);
}
