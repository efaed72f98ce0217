namespace VmHost.Cli.Terminal;

/// <summary>Words that a POSIX shell reads back as they were.</summary>
internal static class ShellQuote
{
    internal static string Quote(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || "_-./:=,+@%".Contains(letter, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
