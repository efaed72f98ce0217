namespace VmHost.Consoles;

/// <summary>A piece of console output.</summary>
/// <param name="Offset">Of its first byte in the journal.</param>
/// <param name="Data">Valid until the next piece is asked for. Empty when only a gap is told, or where the output begins.</param>
/// <param name="GapBytes">Bytes lost between the piece before (or the asked offset) and this one.</param>
/// <param name="WrittenAt">When its last byte was written, to about 100 ms; null where that was not asked for.</param>
/// <param name="Boot">Which boot wrote it; 0 where that is not known or was not asked for.</param>
public readonly record struct ConsoleChunk(
    long Offset, ReadOnlyMemory<byte> Data, long GapBytes, DateTimeOffset? WrittenAt = null, int Boot = 0);

/// <summary>Where to begin to read. All null: with the oldest output that is kept. At most one is set.</summary>
/// <param name="Offset">At this offset.</param>
/// <param name="TailBytes">With the last so many bytes.</param>
/// <param name="TailLines">With the last so many lines; what follows the last line break counts as one.</param>
/// <param name="Since">With what was written since then, and perhaps 100 ms more.</param>
public sealed record ConsoleStart(long? Offset = null, long? TailBytes = null, long? TailLines = null, DateTimeOffset? Since = null);

/// <summary>What to read.</summary>
/// <param name="Start">Where to begin.</param>
/// <param name="Follow">False: to the end as it is now. True: until the machine does not run and all was read.</param>
public sealed record ConsoleSelection(ConsoleStart Start, bool Follow)
{
    /// <summary>End before what was written from then on.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Only what this boot wrote: from 1; 0 is the current or last, -1 the one before. Null: all.</summary>
    public int? Boot { get; init; }

    /// <summary>Tell when it was written, and by which boot.</summary>
    public bool WithTimes { get; init; }
}
