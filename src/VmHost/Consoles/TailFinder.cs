using VmHost.ShimContract.Journal;

namespace VmHost.Consoles;

/// <summary>Finds line starts from the end of a journal, reading as little of it as it can.</summary>
internal static class TailFinder
{
    private const int BlockSize = 64 << 10;
    private const byte LineFeed = (byte)'\n';

    /// <summary>Where the last <paramref name="lines"/> lines begin.</summary>
    /// <param name="directory">The journal's.</param>
    /// <param name="begin">Its oldest offset.</param>
    /// <param name="end">Its end.</param>
    /// <param name="lines">What follows the last line break counts as one, if there is anything.</param>
    internal static long StartOfLastLines(string directory, long begin, long end, long lines)
    {
        if (lines == 0)
            return end;

        var block = new byte[BlockSize];
        var wanted = lines;
        for (var blockEnd = end; blockEnd > begin;)
        {
            var blockStart = Math.Max(begin, blockEnd - BlockSize);
            var data = block.AsSpan(0, (int)(blockEnd - blockStart));
            Fill(directory, blockStart, data);

            // A line break at the very end ends the last line; it does not begin one.
            if (blockEnd == end && data[^1] == LineFeed)
                data = data[..^1];

            for (int at; (at = data.LastIndexOf(LineFeed)) >= 0; data = data[..at])
            {
                if (--wanted == 0)
                    return blockStart + at + 1;
            }

            blockEnd = blockStart;
        }

        return begin;
    }

    // Bytes that are lost stay 0: no line begins in them.
    private static void Fill(string directory, long start, Span<byte> data)
    {
        data.Clear();
        using var reader = new JournalReader(directory, start);
        while (reader.Position < start + data.Length)
        {
            var at = (int)(reader.Position - start);
            var buffer = new byte[data.Length - at];
            var read = reader.Read(buffer);
            var target = read.Offset - start;
            if (read.Count == 0 || target >= data.Length)
                break;

            var count = (int)Math.Min(read.Count, data.Length - target);
            buffer.AsSpan(0, count).CopyTo(data[(int)target..]);
        }
    }
}
