using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace VmHost.LinuxKit.Yaml;

/// <summary>Which type a scalar has. What is quoted is text; the rest is as the parser of the reference tool takes it.</summary>
internal static partial class YamlScalar
{
    internal static (YamlKind Kind, long Integer) Classify(YamlScalarNode node)
    {
        var text = node.Value ?? "";
        if (!node.Tag.IsEmpty && node.Tag.Value == "tag:yaml.org,2002:str")
            return (YamlKind.Text, 0);
        if (node.Style is not (ScalarStyle.Plain or ScalarStyle.Any))
            return (YamlKind.Text, 0);
        if (text is "" or "~" or "null" or "Null" or "NULL")
            return (YamlKind.Null, 0);
        if (text is "true" or "True" or "TRUE" or "false" or "False" or "FALSE")
            return (YamlKind.Boolean, 0);
        if (TryInteger(text, out var integer))
            return (YamlKind.Integer, integer);

        return (Float().IsMatch(text) ? YamlKind.Float : YamlKind.Text, 0);
    }

    private static bool TryInteger(string text, out long value)
    {
        value = 0;
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        var negative = digits.StartsWith('-');
        if (digits.Length > 0 && digits[0] is '-' or '+')
            digits = digits[1..];
        if (digits.Length == 0 || !char.IsAsciiDigit(digits[0]))
            return false;

        try
        {
            value = digits switch
            {
                ['0', 'x' or 'X', .. var hex] => Convert.ToInt64(hex, 16),
                ['0', 'o' or 'O', .. var octal] => Convert.ToInt64(octal, 8),
                ['0', 'b' or 'B', .. var binary] => Convert.ToInt64(binary, 2),
                ['0', _, ..] when digits.All(digit => digit is >= '0' and <= '7') => Convert.ToInt64(digits, 8),
                _ => long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture),
            };
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            return false;
        }

        value = negative ? -value : value;
        return true;
    }

    [GeneratedRegex(@"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Float();
}
