using System.Globalization;
using System.Text;

namespace VmHost.Cli.Terminal;

/// <summary>stdout carries data only, as bytes; everything else goes to stderr.</summary>
internal static class Output
{
    internal static bool IsTerminal => StandardStreams.IsOutputTerminal;

    /// <summary>True where somebody may watch what is going on.</summary>
    internal static bool HasWatcher => StandardStreams.IsErrorTerminal;

    /// <summary>As it is: for text that was made harmless already, such as JSON.</summary>
    internal static void Line(string text) => StandardStreams.Write(Encoding.UTF8.GetBytes(text + "\n"));

    /// <summary>What the daemon said, such as a name, on a line of its own.</summary>
    internal static void VisibleLine(string text) => Line(Visible(text));

    /// <summary>On a line of its own: at a raw terminal the guest's line has not ended, most of the time.</summary>
    internal static void Note(string text) =>
        StandardStreams.TryWriteError(Encoding.UTF8.GetBytes(RawTerminal.IsActive ? $"\r\n{Visible(text)}\r\n" : $"{Visible(text)}\n"));

    internal static void Error(string text) => Note($"vmctl: {text}");

    internal static void Warnings(IEnumerable<string> warnings)
    {
        foreach (var warning in warnings)
            Error($"warning: {warning}");
    }

    /// <summary>Text of the daemon or a guest on one line, with nothing in it that a terminal would obey.</summary>
    internal static string Visible(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\n' or '\r' or '\t')
                result.Append(' ');
            else if (Rune.IsControl(rune) || IsInvisible(rune))
                result.Append('?');
            else
                result.Append(rune.ToString());
        }

        return result.ToString();
    }

    /// <summary>Direction marks, line separators and characters without a shape: they change what a reader takes the line to be.</summary>
    internal static bool IsInvisible(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
