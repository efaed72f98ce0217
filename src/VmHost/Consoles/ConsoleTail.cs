using VmHost.ShimContract.Journal;

namespace VmHost.Consoles;

/// <summary>The end of a boot's console output, to stand beside the reason why it ended.</summary>
internal static class ConsoleTail
{
    internal const int MaxBytes = 4 << 10;

    /// <summary>The last bytes between two offsets; empty when they cannot be read.</summary>
    internal static byte[] Read(string directory, long begin, long end)
    {
        if (end <= begin || !Directory.Exists(directory))
            return [];

        try
        {
            using var reader = new JournalReader(directory, Math.Max(begin, end - MaxBytes));
            var tail = new MemoryStream();
            var buffer = new byte[MaxBytes];
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
