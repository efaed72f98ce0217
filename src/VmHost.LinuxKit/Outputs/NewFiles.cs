using VmHost.LinuxKit.Images;
using VmHost.Posix;

namespace VmHost.LinuxKit.Outputs;

/// <summary>
/// Files that get their names, one right after the other, when all of them are whole: a build that fails changes nothing. A machine that
/// runs keeps the file that it has open.
/// </summary>
internal sealed class NewFiles(string directory) : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private const string Unnamed = "build";

    private static readonly string[] Endings = ["-kernel", "-bzImage", "-initrd.img", "-cmdline", ".tar", ".docker", "-initrd.tar"];

    private readonly List<(string Temporary, string Path)> _files = [];
    private readonly List<FileStream> _open = [];

    internal IReadOnlyList<string> Paths => [.. _files.Where(file => file.Path.Length > 0).Select(file => file.Path)];

    /// <summary>Begins a file of that name; an empty name: one that is gone in the end.</summary>
    internal FileStream Create(string name)
    {
        var (temporary, file) = CreateLocked($".{(name.Length > 0 ? name : Unnamed)}");
        _files.Add((temporary, name.Length > 0 ? Path.Combine(directory, name) : ""));
        _open.Add(file);
        return file;
    }

    // A build that cleans up may come between the making of a file and its lock; then it takes the file, and another is made.
    private (string Path, FileStream File) CreateLocked(string beginning)
    {
        while (true)
        {
            var path = Path.Combine(directory, $"{beginning}.{Guid.NewGuid():N}.new");
            try
            {
                var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = BufferBytes });
                if (File.Exists(path))
                    return (path, file);
                file.Dispose();
            }
            catch (IOException e) when (SharedLock.IsHeld(e))
            {
                // By who cleans up.
            }
        }
    }

    /// <summary>Removes what builds left that were killed: nobody has it open, which shows by its lock.</summary>
    /// <param name="name">What the files' names begin with.</param>
    internal void RemoveLeftOvers(string name)
    {
        foreach (var file in Directory.EnumerateFiles(directory, ".*.new").Where(file => IsOurs(Path.GetFileName(file), name)).ToList())
        {
            // Another build may clean up too. Were the file made anew, its maker would take that one for its own.
            using var nobodys = FileLock.TryTakeExisting(file);
            if (nobodys is not null)
                File.Delete(file);
        }
    }

    // ".NAME-initrd.img.", 32 hex digits, ".new": nothing that only looks like it is touched.
    private static bool IsOurs(string file, string name)
    {
        const int TailLength = 1 + 32 + 4;
        return file.Length > TailLength && file[^TailLength] == '.' && file[^(TailLength - 1)..^4].All(char.IsAsciiHexDigitLower)
            && (Endings.Any(ending => file[1..^TailLength] == name + ending) || file[1..^TailLength] == Unnamed);
    }

    /// <summary>Gives all of them their names.</summary>
    internal void Publish()
    {
        foreach (var file in _open)
            file.Flush(flushToDisk: true);

        // While they are open and so locked: else another build would take them for left over.
        foreach (var (temporary, path) in _files.Where(file => file.Path.Length > 0))
            File.Move(temporary, path, overwrite: true);
    }

    public void Dispose()
    {
        foreach (var (temporary, _) in _files)
            File.Delete(temporary);
        foreach (var file in _open)
            Close(file);
    }

    // What is still buffered goes to a file that nobody will see: a full disk, which may be why, is told already.
    private static void Close(FileStream file)
    {
        try
        {
            file.Dispose();
        }
        catch (IOException)
        {
            file.SafeFileHandle.Dispose();
        }
    }
}
