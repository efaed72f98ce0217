namespace VmHost.Consoles;

/// <summary>A piece of console output.</summary>
/// <param name="Offset">Of its first byte in the journal.</param>
/// <param name="Data">Valid until the next piece is asked for. Empty when only a gap is told.</param>
/// <param name="GapBytes">Bytes lost between the piece before (or the asked offset) and this one.</param>
public readonly record struct ConsoleChunk(long Offset, ReadOnlyMemory<byte> Data, long GapBytes);

/// <summary>Where to begin to read. All null: with the oldest output that is kept. At most one is set.</summary>
/// <param name="Offset">At this offset.</param>
/// <param name="TailBytes">With the last so many bytes.</param>
/// <param name="TailLines">With the last so many lines; what follows the last line break counts as one.</param>
public sealed record ConsoleStart(long? Offset = null, long? TailBytes = null, long? TailLines = null);
