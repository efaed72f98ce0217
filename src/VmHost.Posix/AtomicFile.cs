namespace VmHost.Posix;

/// <summary>Replaces a small file so that every reader, and every crash, finds the old content or the new, never a part.</summary>
public static class AtomicFile
{
    private const string Beside = ".new";

    private const int OwnerOnly = 0x180;   // rw-------
    private const int AnyUser = 0x1B6;     // rw-rw-rw-, less the umask

    private const int HexDigits = 32;

    /// <summary>Writes beside and renames. Once it returned, a kill of any process loses nothing.</summary>
    /// <exception cref="IOException">Nothing was replaced; the file beside may be left and is overwritten next time.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content) =>
        Replace(path, path + Beside, content, OwnerOnly, flush: false);

    /// <summary>As <see cref="Replace(string, ReadOnlySpan{byte})"/>; once it returned, a power failure loses nothing either.</summary>
    /// <exception cref="IOException">
    /// Nothing was replaced, but where the disk fails in its very last step, the flush of the rename.
    /// </exception>
    public static void ReplaceDurably(string path, ReadOnlySpan<byte> content)
    {
        // Opened first: what is refused for lack of a descriptor is refused before anything happened.
        var directory = Descriptor.OpenDirectory(DirectoryOf(path));
        try
        {
            Replace(path, path + Beside, content, OwnerOnly, flush: true);
            Descriptor.Flush(directory);
        }
        finally
        {
            Descriptor.Close(directory);
        }
    }

    /// <summary>
    /// As <see cref="Replace(string, ReadOnlySpan{byte})"/>, for a file that several processes may replace at the same
    /// time, and that other users may read: its mode is 0666 less the umask. The content is flushed, the rename is not.
    /// </summary>
    /// <exception cref="IOException">Nothing was replaced.</exception>
    public static void ReplaceShared(string path, ReadOnlySpan<byte> content) =>
        Replace(path, $"{path}.{Guid.NewGuid():N}{Beside}", content, AnyUser, flush: true);

    /// <summary>
    /// Removes what killed processes left of <see cref="ReplaceShared"/>. No process may be replacing the file.
    /// </summary>
    /// <returns>Freed bytes.</returns>
    /// <exception cref="IOException">A file cannot be removed.</exception>
    public static long RemoveLeftOvers(string path)
    {
        var freed = 0L;
        foreach (var file in Directory.EnumerateFiles(DirectoryOf(path), $"{Path.GetFileName(path)}.*{Beside}").ToList())
        {
            if (file.Length != path.Length + 1 + HexDigits + Beside.Length)
                continue;

            freed += new FileInfo(file).Length;
            File.Delete(file);
        }

        return freed;
    }

    /// <summary>Flushes a file that was replaced, so that it survives a power failure.</summary>
    /// <exception cref="IOException">It may be lost in one.</exception>
    public static void Flush(string path)
    {
        var file = Descriptor.Open(path, Descriptor.ReadOnly);
        try
        {
            Descriptor.Flush(file);
        }
        finally
        {
            Descriptor.Close(file);
        }

        Descriptor.FlushDirectory(DirectoryOf(path));
    }

    /// <summary>Removes what a crash in the middle of a replacement left. Nobody may be replacing the file now.</summary>
    /// <exception cref="IOException">It is still there.</exception>
    public static void RemoveHalfWritten(string path) => File.Delete(path + Beside);

    private static void Replace(string path, string beside, ReadOnlySpan<byte> content, int mode, bool flush)
    {
        try
        {
            Write(beside, content, mode, flush);
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A disk that is full has little enough room.
            TryRemove(beside);

            // What callers are told to expect: to them, EACCES is one way more in which a disk refuses.
            if (e is UnauthorizedAccessException)
                throw new IOException(e.Message, e);

            throw;
        }
    }

    private static void TryRemove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next attempt overwrites it.
        }
    }

    private static void Write(string path, ReadOnlySpan<byte> content, int mode, bool flush)
    {
        var file = Descriptor.Open(
            path,
            Descriptor.WriteOnly | Descriptor.Create | Descriptor.Truncate | Descriptor.NoFollow,
            mode);
        try
        {
            while (!content.IsEmpty)
            {
                var count = Descriptor.Write(file, content);
                if (count < 0)
                    throw PosixException.Last($"write {path}");

                content = content[count..];
            }

            if (flush)
                Descriptor.Flush(file);
        }
        finally
        {
            Descriptor.Close(file);
        }
    }

    private static string DirectoryOf(string path) => Path.GetDirectoryName(path) is { Length: > 0 } directory ? directory : ".";
}
