namespace VmHost.LinuxKit.Images;

/// <summary>Files that are there whole or not at all, also after a crash or a power cut.</summary>
internal static class DurableFile
{
    internal static void Write(string path, ReadOnlySpan<byte> content)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.new";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.Read))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Removes what was begun for that path by processes that were killed; nobody may be writing it.</summary>
    /// <returns>Freed bytes.</returns>
    internal static long RemoveLeftOvers(string path)
    {
        const int HexDigits = 32;
        var freed = 0L;
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}.*.new").ToList())
        {
            if (file.Length != path.Length + 1 + HexDigits + 4)
                continue;
            freed += new FileInfo(file).Length;
            File.Delete(file);
        }

        return freed;
    }
}
