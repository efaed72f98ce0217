using System.Globalization;

namespace VmHost.State;

/// <summary>What stands in a lock file: who holds it, for the message of whoever comes second.</summary>
public static class LockNote
{
    /// <summary>This process, since now.</summary>
    public static string Of(TimeProvider time) =>
        string.Create(CultureInfo.InvariantCulture, $"vmhostd (pid {Environment.ProcessId}) since {time.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ}");

    /// <summary>The holder of a lock that is taken, as well as it can be told.</summary>
    public static string HolderOf(string lockPath)
    {
        try
        {
            // With any other sharing mode .NET would try to lock the file itself.
            using var file = new FileStream(lockPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(file);
            return reader.ReadToEnd() is { Length: > 0 } note ? note : "another vmhostd";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "another vmhostd";
        }
    }
}
