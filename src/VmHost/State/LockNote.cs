using System.Globalization;
using System.Text;
using VmHost.Posix;

namespace VmHost.State;

/// <summary>What stands in a lock file: who holds it, for the message of whoever comes second.</summary>
public static class LockNote
{
    private const string Somebody = "another vmhostd";

    /// <summary>This process, since now.</summary>
    public static string Of(TimeProvider time) =>
        string.Create(CultureInfo.InvariantCulture, $"vmhostd (pid {Environment.ProcessId}) since {time.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ}");

    /// <summary>The holder of a lock that is taken, as well as it can be told.</summary>
    public static string HolderOf(string lockPath)
    {
        // Not by a .NET file: opening one takes a shared lock, which the holder's lock refuses.
        var file = Descriptor.TryOpen(lockPath, Descriptor.ReadOnly | Descriptor.NoFollow);
        if (file < 0)
            return Somebody;

        try
        {
            Span<byte> note = stackalloc byte[256];
            var count = Descriptor.Read(file, note);
            return count > 0 ? Encoding.UTF8.GetString(note[..count]) : Somebody;
        }
        finally
        {
            Descriptor.Close(file);
        }
    }
}
