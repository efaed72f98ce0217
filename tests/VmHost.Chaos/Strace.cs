using System.Diagnostics;
using System.Globalization;
using VmHost.Posix;

namespace VmHost.Chaos;

/// <summary>
/// strace, attached to a daemon and to all that it starts from then on: the Nth time that a thread makes a certain system
/// call, something happens to it.
/// </summary>
internal sealed class Strace : IAsyncDisposable
{
    private static readonly TimeSpan AttachLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan DetachLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(2);

    // An error, a kill, another signal.
    private static readonly string[] Marks = ["(INJECTED)", "+++ killed by SIGKILL", "--- SIGTERM"];

    private readonly Process _process;
    private readonly string _log;

    private Strace(Process process, string log) => (_process, _log) = (process, log);

    /// <param name="pid">The daemon.</param>
    /// <param name="call">The system call.</param>
    /// <param name="what">As strace has it: signal=KILL, error=ENOSPC.</param>
    /// <param name="when">As strace has it: 3 for the third time, 3+ for all from then on.</param>
    /// <param name="children">Whether what the daemon starts is followed too.</param>
    /// <param name="log">Takes what was done to whom.</param>
    /// <param name="files">Only calls on these count; none for all.</param>
    internal static async Task<Strace> AttachAsync(int pid, string call, string what, string when, bool children, string log, params string[] files)
    {
        var start = new ProcessStartInfo("strace") { UseShellExecute = false, RedirectStandardError = true };
        // A thread that begins later is not traced, and needs not be.
        var threads = Threads(pid);
        var targets = children ? ["-f", "-p", Text(pid)] : threads.SelectMany(thread => new[] { "-p", Text(thread) });
        foreach (var word in Options(call, what, when, log).Concat(files.SelectMany(file => new[] { "-P", file })).Concat(targets))
            start.ArgumentList.Add(word);

        var process = Process.Start(start)!;
        var since = TimeProvider.System.GetTimestamp();
        while (!threads.TrueForAll(IsTraced))
        {
            if (process.HasExited || TimeProvider.System.GetElapsedTime(since) > AttachLimit)
                throw new InvalidOperationException($"strace does not attach to {pid} ({call}): {(process.HasExited ? await process.StandardError.ReadToEndAsync() : "it takes too long")}");

            await Task.Delay(Look, TimeProvider.System);
        }

        return new(process, log);
    }

    /// <summary>What to put before a program, so that it is traced from its first call on and keeps its process number.</summary>
    internal static string[] Before(string call, string what, string when, string log) => ["strace", "-f", "-D", .. Options(call, what, when, log)];

    /// <summary>Whether it did what it was told to.</summary>
    internal bool Hit => HasHit(_log);

    internal static bool HasHit(string log) => File.Exists(log) && File.ReadLines(log).Any(line => Marks.Any(mark => line.Contains(mark, StringComparison.Ordinal)));

    /// <summary>Ends it: from then on nothing is refused.</summary>
    internal async Task DetachAsync()
    {
        if (!_process.HasExited)
            Signals.Send(_process.Id, Signals.Interrupt);

        try
        {
            await _process.WaitForExitAsync().WaitAsync(DetachLimit, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            // It waits for a thread that was killed while it attached, and never hears of it; the kernel lets go of all then.
            _process.Kill();
            await _process.WaitForExitAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await DetachAsync();
        _process.Dispose();
        File.Delete(_log);
    }

    private static string[] Options(string call, string what, string when, string log) =>
        ["-qq", "-o", log, "-e", $"trace={call}", "-e", $"inject={call}:{what}:when={when}"];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static List<int> Threads(int pid)
    {
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/{pid}/task").Select(path => int.Parse(Path.GetFileName(path.AsSpan()), CultureInfo.InvariantCulture))];
        }
        catch (DirectoryNotFoundException)
        {
            return [];   // dead already: what was to happen happened
        }
    }

    private static bool IsTraced(int thread)
    {
        try
        {
            return File.ReadLines($"/proc/{thread}/status").Any(line => line.StartsWith("TracerPid:", StringComparison.Ordinal) && !line.EndsWith("\t0", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return true;   // ended meanwhile
        }
    }
}
