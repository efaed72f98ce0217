using System.Globalization;
using System.Text;

namespace VmHost.Specs;

/// <summary>Shows input inside a message: visible characters only, and not too many.</summary>
public static class Quoted
{
    /// <summary>Of the input, in characters; what is longer is cut in the middle, as paths differ at their ends.</summary>
    public const int MaxLength = 100;

    /// <summary>
    /// The text in single quotes. Control, format and line separator characters and broken surrogates become
    /// <c>\u{…}</c>, so that no text moves the cursor, hides itself or reverses what follows.
    /// </summary>
    public static string Text(string text) => $"'{Escape(Shorten(text), asciiOnly: false)}'";

    /// <summary>As <see cref="Text"/>, and everything beyond ASCII escaped: for what has to be ASCII, where a look-alike would puzzle.</summary>
    public static string Ascii(string text) => $"'{Escape(Shorten(text), asciiOnly: true)}'";

    private static string Shorten(string text)
    {
        if (text.Length <= MaxLength)
            return text;

        const int head = MaxLength / 2;
        const int tail = MaxLength - head - 3;
        return string.Concat(text.AsSpan(0, head), "...", text.AsSpan(text.Length - tail));
    }

    private static string Escape(string text, bool asciiOnly)
    {
        var result = new StringBuilder(text.Length);
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var status = Rune.DecodeFromUtf16(rest, out var rune, out var length);
            var value = status == System.Buffers.OperationStatus.Done ? rune.Value : rest[0];
            if (status == System.Buffers.OperationStatus.Done && IsVisible(rune) && (!asciiOnly || rune.IsAscii))
                result.Append(rest[..length]);
            else
                result.Append(CultureInfo.InvariantCulture, $"\\u{{{value:x}}}");
            rest = rest[length..];
        }

        return result.ToString();
    }

    private static bool IsVisible(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
