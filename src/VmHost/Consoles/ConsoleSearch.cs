using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VmHost.ShimContract.Journal;
using VmHost.Specs;

namespace VmHost.Consoles;

/// <summary>Output that a pattern matched.</summary>
/// <param name="Offset">Of its first byte in the machine's whole output.</param>
/// <param name="Data">What matched.</param>
public sealed record ConsoleMatch(long Offset, ReadOnlyMemory<byte> Data)
{
    /// <summary>Where a next search begins that is not to find it again.</summary>
    public long End => Offset + Data.Length;
}

/// <summary>
/// Looks for a regular expression in console output, over all borders of chunks, in time linear in the output: no pattern
/// can hold the daemon up. It matches bytes: what is not ASCII in a pattern stands for its UTF-8.
/// </summary>
public sealed class ConsoleSearch
{
    /// <summary>The longest pattern, in bytes of UTF-8.</summary>
    public const int MaxPattern = 1024;

    /// <summary>The longest match that is surely found, in bytes.</summary>
    public const int MaxMatch = 4096;

    // States of the automaton that a pattern becomes. (a{1000}){1000} would have a million.
    private const int MaxStates = 10_000;

    private readonly Regex _pattern;

    static ConsoleSearch() => AppContext.SetData("REGEX_NONBACKTRACKING_MAX_AUTOMATA_SIZE", MaxStates);

    /// <param name="pattern">Of .NET's regular expressions those without look-around and back-references; ^ and $ are a line's.</param>
    /// <param name="field">Where it came from, for errors.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: it is too long, or no such expression.</exception>
    public ConsoleSearch(string pattern, string field = "pattern")
    {
        var bytes = Encoding.UTF8.GetBytes(pattern);
        if (bytes.Length is 0 or > MaxPattern)
            throw Refused(field, string.Create(CultureInfo.InvariantCulture, $"must have 1 to {MaxPattern} bytes, not {bytes.Length}"));

        try
        {
            const RegexOptions options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Multiline;
            _pattern = new(Encoding.Latin1.GetString(bytes), options, Regex.InfiniteMatchTimeout);
        }
        catch (RegexParseException e)
        {
            throw Refused(field, $"is no regular expression: {e.Message.TrimEnd('.')}");
        }
        catch (NotSupportedException)
        {
            throw Refused(field, "uses look-around, a back-reference or a repetition that is too large; write it without");
        }
    }

    /// <summary>The first match at or behind an offset; null when none is there and none can come, or is waited for.</summary>
    /// <param name="feed">The machine's.</param>
    /// <param name="offset">Where to begin.</param>
    /// <param name="follow">Wait for what is not written yet.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="VmHostException">As <see cref="ConsoleReader.ReadAsync(ConsoleSelection, CancellationToken)"/>.</exception>
    public async Task<ConsoleMatch?> FindAsync(ConsoleFeed feed, long offset, bool follow, TimeProvider time, CancellationToken ct)
    {
        // The end of what was looked at, long enough for a match to begin in it; and one byte more, by which ^ knows
        // whether a line begins.
        var window = ByteBefore(feed.Directory, offset);
        var begin = window.Length;
        var windowOffset = offset - begin;

        // Ends with what was read so far, while more of it may be there already; so may what is behind a $.
        ConsoleMatch? putOff = null;
        await foreach (var chunk in new ConsoleReader(feed, time).ReadAsync(new(Offset: offset), follow, ct))
        {
            // Across lost output there is no match.
            if (chunk.GapBytes > 0)
            {
                if (putOff is not null)
                    return putOff;
                (window, windowOffset, begin) = ("", chunk.Offset, 0);
            }

            window += Encoding.Latin1.GetString(chunk.Data.Span);
            var match = _pattern.Match(window, begin);
            putOff = match.Success ? new(windowOffset + match.Index, Encoding.Latin1.GetBytes(match.Value)) : null;
            if (match.Success && (match.Index + match.Length < window.Length || match.Length >= MaxMatch || IsEnd(feed.Directory, windowOffset + window.Length)))
                return putOff;

            var surplus = window.Length - MaxMatch - 1;
            if (surplus > 0)
                (window, windowOffset, begin) = (window[surplus..], windowOffset + surplus, 1);
        }

        return putOff;
    }

    private static string ByteBefore(string directory, long offset)
    {
        if (offset == 0 || !Directory.Exists(directory))
            return "";

        using var reader = new JournalReader(directory, offset - 1);
        var one = new byte[1];
        return reader.Read(one) is { Count: 1, GapBytes: 0 } ? Encoding.Latin1.GetString(one) : "";
    }

    private static bool IsEnd(string directory, long offset) => !Directory.Exists(directory) || JournalReader.Bounds(directory).End <= offset;

    private static VmHostException Refused(string field, string problem) => VmHostException.ForFaults([new(field, problem)]);
}
