using VmHost.ShimContract.Journal;

namespace VmHost.Consoles;

/// <summary>The end of a boot's console output: what the reason why it ended is read off, and stands beside it.</summary>
internal static class ConsoleTail
{
    /// <summary>What is kept beside an exit.</summary>
    internal const int KeptBytes = 4 << 10;

    /// <summary>The last bytes, at most <paramref name="limit"/>, between two offsets; empty when they cannot be read.</summary>
    internal static byte[] Read(string directory, long begin, long end, int limit = KeptBytes)
    {
        if (end <= begin || !Directory.Exists(directory))
            return [];

        try
        {
            using var reader = new JournalReader(directory, Math.Max(begin, end - limit));
            var tail = new MemoryStream();
            var buffer = new byte[limit];
            while (reader.Position < end)
            {
                var read = reader.Read(buffer);
                if (read.Count == 0)
                    break;

                tail.Write(buffer, 0, (int)Math.Min(read.Count, end - read.Offset));
            }

            return tail.ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];   // it only illustrates the exit record, which must be written all the same
        }
    }
}
