using System.Text;
using CsCheck;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Tests;

public sealed class ConsoleSanitizerTests
{
    [Theory]
    [InlineData("plain\ttext\r\n", "plain\ttext\r\n")]
    [InlineData("\u001b[31mred\u001b[0m", "red")]
    [InlineData("\u001b]0;title\u0007x", "x")]
    [InlineData("\u001b]52;c;AAAA\u001b\\x", "x")]
    [InlineData("\u001bP$q\u001b\\x", "x")]
    [InlineData("a\u0008b\u0000c\u007f", "abc")]
    [InlineData("over\rwrite", "overwrite")]
    [InlineData("\u001b[31", "")]
    [InlineData("a\u009b31mb\u0085c", "abc")]
    [InlineData("grün 日本 😀 \u00a0", "grün 日本 😀 \u00a0")]
    [InlineData("a\u202eb\u2066c\u2069d\u200ee\u061cf", "abcdef")]
    [InlineData("a\u200bb\u2060c\ufeffd\u00ade\U000e0041f\u2028g\u2029h", "abcdefgh")]
    [InlineData("\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645 👩\u200d🚀", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645 👩\u200d🚀")]
    public void What_a_terminal_would_obey_is_removed(string output, string shown) =>
        Assert.Equal(shown, Clean(Encoding.UTF8.GetBytes(output)));

    [Fact]
    public void How_the_output_is_cut_makes_no_difference() =>
        Gen.Select(Hostile, Gen.Int[1, 7]).Sample((output, size) =>
        {
            var sanitizer = new ConsoleSanitizer();
            var parts = output.Chunk(size).SelectMany(part => sanitizer.Clean(part).ToArray()).ToList();
            parts.AddRange(sanitizer.Finish().Span);
            return parts.ToArray().AsSpan().SequenceEqual(CleanAll(output));
        });

    [Fact]
    public void No_control_survives_and_cleaning_twice_changes_nothing() =>
        Hostile.Sample(output =>
        {
            var once = CleanAll(output);
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(once);
            return text.All(letter => letter is '\n' or '\r' or '\t' || !char.IsControl(letter))
                && CleanAll(once).AsSpan().SequenceEqual(once);
        });

    private static readonly byte[] Corners =
        [0x1b, (byte)'[', (byte)']', (byte)'P', (byte)'\\', 7, (byte)'m', (byte)'\r', (byte)'\n', 0xc2, 0x9b, 0xe2];

    // Mostly what the state machine looks at, so that its corners are met.
    private static Gen<byte[]> Hostile =>
        Gen.Frequency(
            (3, Gen.Int[0, 11].Select(index => Corners[index])),
            (1, Gen.Byte)).Array[0, 60];

    private static string Clean(byte[] output) => Encoding.UTF8.GetString(CleanAll(output));

    private static byte[] CleanAll(byte[] output)
    {
        var sanitizer = new ConsoleSanitizer();
        byte[] clean = [.. sanitizer.Clean(output).Span];
        return [.. clean, .. sanitizer.Finish().Span];
    }
}
