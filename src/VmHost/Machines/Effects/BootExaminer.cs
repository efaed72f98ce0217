using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines.Effects;

/// <summary>
/// Looks at what is left of a boot until it is certain: the shim answers, or the lock is free and nothing lives. What cannot be
/// looked at now (no descriptor left, a disk that fails) proves nothing and is looked at again, and longer than a shim that is silent.
/// </summary>
/// <param name="id">The machine's.</param>
/// <param name="paths">The machine's.</param>
/// <param name="console">Notified how the journal grows.</param>
/// <param name="time">The clock.</param>
internal sealed class BootExaminer(string id, MachinePaths paths, ConsoleFeed console, TimeProvider time)
{
    // After these attempts the shim is not about to write who it is any more.
    private const int QuickAttempts = 20;

    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(100);

    // Most such troubles are over by then; and a halt whose machine ended meanwhile is answered by its result.
    private static readonly TimeSpan HostLimit = TimeSpan.FromSeconds(30);

    /// <summary>Returns at the first certain result, and at the limit with the last uncertain one.</summary>
    /// <param name="boot">The boot.</param>
    /// <param name="limit">In all, for a shim that is silent; and for one look.</param>
    /// <param name="every">Between the first attempts; later ones come less often.</param>
    /// <returns>The contact; and how the boot ended, where nothing of it lives.</returns>
    internal async Task<(BootContact Contact, BootEnd? End)> ExamineAsync(BootRecord boot, TimeSpan limit, TimeSpan every)
    {
        var since = time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            using var over = new CancellationTokenSource(limit, time);
            var (contact, end) = await LookAsync(boot, over.Token);
            TimeSpan? patience = contact switch
            {
                BootContact.Unreachable => limit,
                BootContact.Unexamined => HostLimit,
                _ => null,
            };
            if (patience is null || time.GetElapsedTime(since) >= patience)
                return (contact, end);

            await Task.Delay(attempt < QuickAttempts ? every : Later, time, CancellationToken.None);
        }
    }

    private BootEnd EndOf(BootRecord boot)
    {
        try
        {
            var exit = ExitRecord.Load(paths.Directory);
            return exit.Nonce == boot.Nonce ? new BootEnd.Exited(exit) : new BootEnd.Lost();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or InvalidDataException)
        {
            return new BootEnd.Lost();
        }
    }

    private async Task<(BootContact Contact, BootEnd? End)> LookAsync(BootRecord boot, CancellationToken ct)
    {
        try
        {
            var contact = await SupervisedBoot.ContactAsync(id, boot.Nonce, paths, console, time, ct);

            // Where the records are missing or another boot's, the lock alone decides.
            return contact is BootContact.Ended || (contact is BootContact.Unreachable && File.Exists(paths.Lock) && !FileLock.IsHeld(paths.Lock))
                ? (new BootContact.Ended(), EndOf(boot))
                : (contact, null);
        }
        catch (OperationCanceledException)
        {
            return (new BootContact.Unreachable("it takes a connection and does not answer"), null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (new BootContact.Unexamined(e.Message), null);
        }
    }
}
