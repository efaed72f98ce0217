using System.Globalization;
using VmHost.ShimContract.Journal;
using VmHost.Specs;

namespace VmHost.Consoles;

/// <summary>Which part of a journal is asked for.</summary>
/// <param name="Begin">Its first byte.</param>
/// <param name="End">Behind its last byte; null where that is not known yet, as it is being written.</param>
/// <param name="Boot">The boot that was asked for; 0 where none was, or it is not known yet.</param>
internal readonly record struct ConsoleRange(long Begin, long? End, int Boot)
{
    /// <summary>Looks up what is asked for.</summary>
    /// <param name="directory">The journal's; may be missing, before the first boot.</param>
    /// <param name="asked">What to read.</param>
    /// <param name="now">A moment behind it is not over yet.</param>
    /// <exception cref="VmHostException">As <see cref="ConsoleReader.ReadAsync(ConsoleSelection, CancellationToken)"/>.</exception>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    internal static ConsoleRange Find(string directory, ConsoleSelection asked, DateTimeOffset now)
    {
        var start = asked.Start;
        NotNegative(start.Offset, "offset");
        NotNegative(start.TailBytes, "tail_bytes");
        NotNegative(start.TailLines, "tail_lines");

        if (!Directory.Exists(directory))
            return Nothing(asked);

        var (kept, end) = JournalReader.Bounds(directory);
        var (from, to, number) = asked.Boot is { } boot ? BootRange(directory, boot) : (kept, null, 0);
        if (start.Offset > (to ?? end))
            throw BehindEnd(start.Offset.Value, to ?? end);

        if (asked.Until is { } until && until <= now)
            to = Math.Min(to ?? long.MaxValue, JournalIndex.OffsetAt(directory, until));

        var last = to ?? end;
        var begin = start switch
        {
            { Offset: { } offset } => asked.Boot is null ? offset : Math.Max(from, offset),
            { TailBytes: { } bytes } => Math.Max(from, last - bytes),
            { TailLines: { } lines } => TailFinder.StartOfLastLines(directory, Math.Min(from, last), last, lines),
            { Since: { } since } => Math.Max(from, JournalIndex.OffsetAt(directory, since)),
            _ => from,
        };
        return new(begin, to ?? (asked.Follow ? null : end), number);
    }

    private static ConsoleRange Nothing(ConsoleSelection asked)
    {
        if (asked.Boot is { } boot and not 0)
            throw NoSuchBoot(boot, []);

        return asked.Start.Offset is null or 0 ? new(0, asked.Follow ? null : 0, 0) : throw BehindEnd(asked.Start.Offset.Value, 0);
    }

    // The last boot has no end: it may be running, and what comes behind it is another one's.
    private static (long Begin, long? End, int Number) BootRange(string directory, int boot)
    {
        var boots = JournalIndex.Boots(directory);
        for (var i = 0; i < boots.Count; i++)
        {
            if (boot > 0 ? boots[i].Number == boot : i == boots.Count - 1 + boot)
                return (boots[i].Begin, i + 1 < boots.Count ? boots[i + 1].Begin : null, boots[i].Number);
        }

        throw NoSuchBoot(boot, boots);
    }

    private static VmHostException NoSuchBoot(int boot, IReadOnlyList<JournalBoot> boots) =>
        new(VmHostError.OutOfRange, boots.Count == 0
            ? "no boot's console output is kept"
            : string.Create(CultureInfo.InvariantCulture, $"no console output of boot {boot} is kept, only of {boots[0].Number} to {boots[^1].Number}"));

    private static void NotNegative(long? value, string field)
    {
        if (value < 0)
            throw VmHostException.ForFaults([new(field, string.Create(CultureInfo.InvariantCulture, $"must not be negative, but is {value}"))]);
    }

    private static VmHostException BehindEnd(long offset, long end) =>
        new(VmHostError.OutOfRange, $"offset {offset} is behind the end of the console output, which is {end}");
}
