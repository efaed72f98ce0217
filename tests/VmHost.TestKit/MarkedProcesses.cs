using System.Globalization;
using System.Text;

namespace VmHost.TestKit;

/// <summary>All that a daemon and its shims ever started and that still lives: by the mark in its environment.</summary>
public static class MarkedProcesses
{
    public static IReadOnlyList<int> Find(string mark)
    {
        var wanted = Encoding.ASCII.GetBytes(mark);
        var found = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Has(directory, wanted))
                found.Add(pid);
        }

        return found;
    }

    public static string Describe(int pid)
    {
        try
        {
            return $"{pid} ({File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ')})";
        }
        catch (IOException)
        {
            return $"{pid} (gone by now)";
        }
    }

    // A zombie has no environment any more: it is dead, and its parent is to collect it.
    private static bool Has(string directory, ReadOnlySpan<byte> mark)
    {
        try
        {
            return File.ReadAllBytes(Path.Combine(directory, "environ")).AsSpan().IndexOf(mark) >= 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;   // ended meanwhile, or another user's
        }
    }
}
