using System.Text;

namespace VmHost.Cli.Terminal;

/// <summary>Words that a POSIX shell reads back as they were.</summary>
internal static class ShellQuote
{
    internal static string Line(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    /// <summary>For a terminal: what it would obey is written as an escape.</summary>
    internal static string Quote(string word) => IsPlain(word) || Output.Visible(word) == word ? Literal(word) : Escaped(word);

    /// <summary>
    /// For a file: every character as it is. Within single quotes all shells take it so; <c>$'…'</c> is unknown to dash.
    /// </summary>
    internal static string Literal(string word) => IsPlain(word) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    // zsh takes =name for a program's path.
    private static bool IsPlain(string word) => word.Length > 0 && word[0] != '=' && word.All(IsPlain);

    private static bool IsPlain(char letter) => char.IsAsciiLetterOrDigit(letter) || "_-./:,+@%=".Contains(letter, StringComparison.Ordinal);

    // What a terminal would obey is written as its bytes: $'…' of POSIX.1-2024. Octal, as it ends after three digits.
    private static string Escaped(string word)
    {
        var result = new StringBuilder("$'");
        foreach (var rune in word.EnumerateRunes())
        {
            var text = rune.ToString();
            if (text is "'" or "\\")
            {
                result.Append('\\').Append(text);
            }
            else if (Output.Visible(text) == text)
            {
                result.Append(text);
            }
            else
            {
                foreach (var value in Encoding.UTF8.GetBytes(text))
                    result.Append('\\').Append(Convert.ToString(value, 8).PadLeft(3, '0'));
            }
        }

        return result.Append('\'').ToString();
    }
}
