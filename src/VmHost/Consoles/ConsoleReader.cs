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

    // A reader who waits longer than that for its own reader holds no dropped output on the disk.
    private static readonly TimeSpan LetGoAfter = TimeSpan.FromSeconds(1);

    // News comes from the shim. Should it fail to come, the files are looked at all the same.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <summary>All of the output from an offset on.</summary>
    /// <inheritdoc cref="ReadAsync(ConsoleSelection, CancellationToken)"/>
    public IAsyncEnumerable<ConsoleChunk> ReadAsync(ConsoleStart start, bool follow, CancellationToken ct) =>
        ReadAsync(new ConsoleSelection(start, follow), ct);

    /// <summary>The output that is asked for, in order, each byte once. The first chunk has no data: it says where that begins.</summary>
    /// <param name="asked">What to read.</param>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: a negative number. <see cref="VmHostError.OutOfRange"/>: an offset
    /// behind the end, a boot of which nothing is kept. <see cref="VmHostError.DataLoss"/>: the journal cannot be read.
    /// </exception>
    public async IAsyncEnumerable<ConsoleChunk> ReadAsync(ConsoleSelection asked, [EnumeratorCancellation] CancellationToken ct)
    {
        var range = Find(asked);
        using var reader = new JournalReader(feed.Directory, range.Begin);
        await foreach (var chunk in ReadAsync(asked, range, reader, ct))
            yield return chunk;
    }

    /// <summary>The same, handed to somebody who may be slow. What is dropped at the cap meanwhile is a counted gap.</summary>
    /// <param name="asked">What to read.</param>
    /// <param name="write">Takes a chunk; the next one comes when it is done.</param>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="VmHostException">As <see cref="ReadAsync(ConsoleSelection, CancellationToken)"/>.</exception>
    public async Task CopyAsync(ConsoleSelection asked, Func<ConsoleChunk, Task> write, CancellationToken ct)
    {
        var range = Find(asked);
        using var reader = new JournalReader(feed.Directory, range.Begin);
        await foreach (var chunk in ReadAsync(asked, range, reader, ct))
        {
            var writing = write(chunk);
            if (!writing.IsCompleted && !await EndsSoonAsync(writing))
                reader.LetGo();
            await writing;
        }
    }

    private async IAsyncEnumerable<ConsoleChunk> ReadAsync(
        ConsoleSelection asked, ConsoleRange range, JournalReader reader, [EnumeratorCancellation] CancellationToken ct)
    {
        using var clock = asked.WithTimes ? new JournalClock(feed.Directory) : null;
        var buffer = new byte[MaxChunk];
        var wasShort = false;
        var end = range.End;

        // Before there is anything: whoever is interrupted can then go on there, and not where such a begin would be later.
        yield return new(range.Begin, ReadOnlyMemory<byte>.Empty, 0, Boot: range.Boot);
        while (true)
        {
            // Asked before reading: what is written until the machine ends is then seen by this read or a later one.
            var (state, changed) = feed.Current;
            var isLive = asked.Follow && state.Live;

            // A moment or a boot that was not over at the call may be by now.
            end ??= EndSince(asked, range);
            var until = end ?? long.MaxValue;
            if (reader.Position >= until)
                yield break;

            // All is read that was told of: a look at the files would list their directory for nothing.
            if (isLive && wasShort && state.End > 0 && reader.Position >= state.End)
            {
                if (!await ComesAsync(changed, ct))
                    Look();
                continue;
            }

            var wanted = (int)Math.Min(buffer.Length, until - reader.Position);
            var read = Read(reader, buffer.AsSpan(0, wanted));
            wasShort = read.Count < wanted;

            // Behind a gap it may have begun later than it was asked to.
            read = read with { Count = (int)Math.Clamp(until - read.Offset, 0, read.Count) };
            if (read.Count > 0 || read.GapBytes > 0)
            {
                foreach (var chunk in Pieces(read, buffer, clock))
                    yield return chunk;
            }
            else if (!isLive)
            {
                yield break;
            }
            else if (state.End == 0 || reader.Position < state.End)
            {
                await ComesAsync(changed, ct);
            }
        }
    }

    private static IEnumerable<ConsoleChunk> Pieces(JournalRead read, byte[] buffer, JournalClock? clock)
    {
        if (clock is null || read.Count == 0)
        {
            yield return new(read.Offset, buffer.AsMemory(0, read.Count), read.GapBytes);
            yield break;
        }

        for (var at = 0; at < read.Count;)
        {
            var moment = Reading(() => clock.At(read.Offset + at));
            var count = (int)Math.Min(read.Count - at, moment.Until - read.Offset - at);
            yield return new(read.Offset + at, buffer.AsMemory(at, count), at == 0 ? read.GapBytes : 0, moment.WrittenAt, moment.Boot);
            at += count;
        }
    }

    // Where what is asked for ends that had no end at the call; null as long as it has none.
    private long? EndSince(ConsoleSelection asked, ConsoleRange range)
    {
        var boot = feed.Boot;
        var isOver = range.Boot > 0 ? boot.Number > range.Boot : boot.Begin > range.Begin;
        long? end = asked.Boot is not null && isOver ? BeginBehind(range.Boot) ?? boot.Begin : null;
        return asked.Until is { } until && until <= time.GetUtcNow()
            ? Math.Min(end ?? long.MaxValue, Reading(() => JournalIndex.OffsetAt(feed.Directory, until)))
            : end;
    }

    // Of the boot that came next: by the time that a slow reader asks there may have been more.
    private long? BeginBehind(int boot) =>
        boot == 0 ? null : Reading(() => JournalIndex.Boots(feed.Directory)).Where(one => one.Number > boot).Select(one => (long?)one.Begin).FirstOrDefault();

    private ConsoleRange Find(ConsoleSelection asked) => Reading(() => ConsoleRange.Find(feed.Directory, asked, time.GetUtcNow()));

    private async Task<bool> EndsSoonAsync(Task writing)
    {
        try
        {
            // It is called off by itself.
            await writing.WaitAsync(LetGoAfter, time, CancellationToken.None);
            return true;
        }
        catch (TimeoutException)
        {
            return false;   // said above
        }
    }

    private async Task<bool> ComesAsync(Task news, CancellationToken ct)
    {
        try
        {
            await news.WaitAsync(LookAgain, time, ct);
            return true;
        }
        catch (TimeoutException)
        {
            return false;   // said above
        }
    }

    private void Look() => Reading(() =>
    {
        feed.Look(time);
        return true;
    });

    private static JournalRead Read(JournalReader reader, Span<byte> buffer)
    {
        try
        {
            return reader.Read(buffer);
        }
        catch (DirectoryNotFoundException)
        {
            return default;   // before the first boot
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(e);
        }
    }

    private static T Reading<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(e);
        }
    }

    private static VmHostException Unreadable(Exception e) => new(VmHostError.DataLoss, $"the console journal cannot be read: {e.Message}");
}
