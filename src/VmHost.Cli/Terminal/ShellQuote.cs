using System.Text;

namespace VmHost.Cli.Terminal;

/// <summary>Words that a POSIX shell reads back as they were.</summary>
internal static class ShellQuote
{
    internal static string Line(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    internal static string Quote(string word)
    {
        // zsh takes =name for a program's path.
        if (word.Length > 0 && word[0] != '=' && word.All(IsPlain))
            return word;

        return Output.Visible(word) == word
            ? $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"
            : Escaped(word);
    }

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
