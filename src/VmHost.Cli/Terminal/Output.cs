using System.Text;

namespace VmHost.Cli.Terminal;

/// <summary>stdout carries data only, as bytes; everything else goes to stderr.</summary>
internal static class Output
{
    private static readonly Lazy<Stream> Out = new(Console.OpenStandardOutput);

    internal static Stream Data => Out.Value;

    internal static void Line(string text)
    {
        Data.Write(Encoding.UTF8.GetBytes(text + "\n"));
        Data.Flush();
    }

    internal static void Note(string text) => Console.Error.WriteLine(Visible(text));

    internal static void Error(string text) => Console.Error.WriteLine($"vmctl: {Visible(text)}");

    /// <summary>Text of the daemon or a guest on one line, with nothing in it that a terminal would obey.</summary>
    internal static string Visible(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\n' or '\r' or '\t')
                result.Append(' ');
            else if (Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.Format)
                result.Append('?');
            else
                result.Append(rune.ToString());
        }

        return result.ToString();
    }
}
