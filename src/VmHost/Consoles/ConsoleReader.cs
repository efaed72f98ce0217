using System.Globalization;
using System.Runtime.CompilerServices;
using VmHost.ShimContract.Journal;
using VmHost.Specs;

namespace VmHost.Consoles;

/// <summary>Reads a machine's console journal, to its end or on and on.</summary>
/// <param name="feed">The machine's.</param>
/// <param name="time">The clock.</param>
public sealed class ConsoleReader(ConsoleFeed feed, TimeProvider time)
{
    /// <summary>The most bytes in one chunk.</summary>
    public const int MaxChunk = 64 << 10;

    // News comes from the shim. Should it fail to come, the files are looked at all the same.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <summary>The output from <paramref name="start"/> on, in order, each byte once.</summary>
    /// <param name="start">Where to begin.</param>
    /// <param name="follow">
    /// False: ends at the end of the journal as it is now. True: ends when the machine does not run and all was read.
    /// </param>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: a negative number. <see cref="VmHostError.OutOfRange"/>: an offset
    /// behind the end. <see cref="VmHostError.DataLoss"/>: the journal cannot be read.
    /// </exception>
    public async IAsyncEnumerable<ConsoleChunk> ReadAsync(
        ConsoleStart start, bool follow, [EnumeratorCancellation] CancellationToken ct)
    {
        var (offset, until) = Range(start);
        using var reader = new JournalReader(feed.Directory, offset);
        var buffer = new byte[MaxChunk];

        while (follow || reader.Position < until)
        {
            // Asked before reading: what is written until the machine ends is then seen by this read or a later one.
            var (state, changed) = feed.Current;

            var length = follow ? buffer.Length : (int)Math.Min(buffer.Length, until - reader.Position);
            var read = Read(reader, buffer.AsSpan(0, length));
            if (read.Count > 0 || read.GapBytes > 0)
            {
                yield return new(read.Offset, buffer.AsMemory(0, read.Count), read.GapBytes);
                continue;
            }

            if (!follow || !state.Live)
                yield break;

            await WaitAsync(changed, ct);
        }
    }

    private async Task WaitAsync(Task changed, CancellationToken ct)
    {
        try
        {
            await changed.WaitAsync(LookAgain, time, ct);
        }
        catch (TimeoutException)
        {
            // Said above.
        }
    }

    private (long Offset, long Until) Range(ConsoleStart start)
    {
        NotNegative(start.Offset, "offset");
        NotNegative(start.TailBytes, "tail_bytes");
        NotNegative(start.TailLines, "tail_lines");

        if (!Directory.Exists(feed.Directory))
            return start.Offset is null or 0 ? (0, 0) : throw BehindEnd(start.Offset.Value, 0);

        var (begin, end) = JournalReader.Bounds(feed.Directory);
        if (start.Offset > end)
            throw BehindEnd(start.Offset.Value, end);

        var offset = start switch
        {
            { Offset: { } asked } => asked,
            { TailBytes: { } bytes } => Math.Max(begin, end - bytes),
            { TailLines: { } lines } => TailFinder.StartOfLastLines(feed.Directory, begin, end, lines),
            _ => begin,
        };
        return (offset, end);
    }

    private JournalRead Read(JournalReader reader, Span<byte> buffer)
    {
        try
        {
            return Directory.Exists(feed.Directory) ? reader.Read(buffer) : default;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.DataLoss, $"the console journal cannot be read: {e.Message}");
        }
    }

    private static void NotNegative(long? value, string field)
    {
        if (value < 0)
            throw VmHostException.ForFaults([new(field, string.Create(CultureInfo.InvariantCulture, $"must not be negative, but is {value}"))]);
    }

    private static VmHostException BehindEnd(long offset, long end) =>
        new(VmHostError.OutOfRange, $"offset {offset} is behind the end of the console output, which is {end}");
}
