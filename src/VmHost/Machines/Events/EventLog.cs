using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using VmHost.Specs;

namespace VmHost.Machines.Events;

/// <summary>
/// What happened, in order: the newest 2,000 to 4,000 events, kept in memory and in a file, which a kill of the daemon
/// does not harm. Readers are cursors; a slow one delays nobody. Safe for use by several callers at once.
/// </summary>
public sealed partial class EventLog : IDisposable
{
    private const int Kept = 2000;
    private const int Most = 2 * Kept;

    // A disk that was full may have lost the last events of the daemon before, which readers may have seen: numbers that
    // were given once are not given again.
    private const int SkippedAtStart = Most;

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly EventFile _file;
    private readonly string _logId;

    // Guards all that follows.
    private readonly Lock _lock = new();
    private readonly List<HostEvent> _events;
    private readonly Dictionary<string, HostEvent> _lastOfMachine = new(StringComparer.Ordinal);
    private long _next;
    private long _dropped;
    private bool _written = true;
    private bool _closed;
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>Reads what the daemon before left. A file that cannot be read or written costs events, and nothing else.</summary>
    /// <param name="path">Absolute path of the file.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of trouble with the file.</param>
    public EventLog(string path, TimeProvider time, ILogger<EventLog> logger)
    {
        (_time, _logger, _file) = (time, logger, new EventFile(path));
        (_logId, _dropped, _events) = _file.Load();
        foreach (var one in _events)
            Remember(one);

        // Where the file was torn behind its first line, that line still has the number of the newest event that was dropped.
        var newest = _events.Count > 0 ? Math.Max(_events[^1].Sequence, _dropped) : _dropped;
        _next = newest > 0 ? newest + SkippedAtStart : 1;
        DropOldest();
    }

    /// <summary>Stands for all that has happened so far: <see cref="ReadAsync(string, bool, TimeSpan, CancellationToken)"/> with it goes on behind that.</summary>
    public string Token
    {
        get
        {
            lock (_lock)
                return TokenOf(_next - 1);
        }
    }

    /// <summary>The token of one event.</summary>
    public string TokenOf(long sequence) => string.Create(CultureInfo.InvariantCulture, $"{_logId}-{sequence}");

    /// <summary>Puts an event behind all others. A state that the machine's last event told already is not told again.</summary>
    public void Publish(HostEvent happened)
    {
        TaskCompletionSource signal;
        lock (_lock)
        {
            if (_closed || IsRepetition(happened))
                return;

            var numbered = happened with { Sequence = _next++, Time = _time.GetUtcNow() };
            _events.Add(numbered);
            Remember(numbered);
            if (_events.Count > Most || !_written)
                DropOldest();   // also writes what the disk refused before
            else
                Write(() => _file.Append(numbered));

            (signal, _changed) = (_changed, NewSignal());
        }

        signal.SetResult();
    }

    /// <summary>All events behind a token, then, if they are to be followed, those to come, until called off.</summary>
    /// <param name="token">As given out with an event, by this daemon or one before it.</param>
    /// <param name="follow">Whether to go on when all that happened has been read.</param>
    /// <param name="silence">When nothing happened for so long, null is given, and again after as long.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: no token; <see cref="VmHostError.OutOfRange"/>: events behind it are
    /// not kept any more, or the reader fell so far behind.
    /// </exception>
    public IAsyncEnumerable<HostEvent?> ReadAsync(string token, bool follow, TimeSpan silence, CancellationToken ct) =>
        ReadAsync(SequenceOf(token), follow, silence, ct);

    /// <summary>As <see cref="ReadAsync(string, bool, TimeSpan, CancellationToken)"/>, since a time. What is not kept any more is passed over.</summary>
    public IAsyncEnumerable<HostEvent?> ReadSinceAsync(DateTimeOffset since, bool follow, TimeSpan silence, CancellationToken ct)
    {
        lock (_lock)
        {
            var first = _events.FindIndex(one => one.Time >= since);
            return ReadAsync(first >= 0 ? _events[first].Sequence - 1 : _next - 1, follow, silence, ct);
        }
    }

    /// <summary>Ends it; the file is closed.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            _file.Close();
        }
    }

    private async IAsyncEnumerable<HostEvent?> ReadAsync(long after, bool follow, TimeSpan silence, [EnumeratorCancellation] CancellationToken ct)
    {
        while (true)
        {
            HostEvent[] batch;
            Task changed;
            lock (_lock)
            {
                if (after < _dropped)
                    throw Expired();

                var first = _events.FindIndex(one => one.Sequence > after);
                batch = first >= 0 ? [.. _events[first..]] : [];
                changed = _changed.Task;
            }

            foreach (var one in batch)
            {
                yield return one;
                after = one.Sequence;
            }

            if (batch.Length == 0 && !follow)
                yield break;
            if (batch.Length == 0 && !await ChangesWithinAsync(changed, silence, ct))
                yield return null;
        }
    }

    private async Task<bool> ChangesWithinAsync(Task changed, TimeSpan limit, CancellationToken ct)
    {
        try
        {
            await changed.WaitAsync(limit, _time, ct);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private long SequenceOf(string token)
    {
        if (token.Split('-') is not [var log, var number] || !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
            throw VmHostException.ForFaults([new("after_token", $"{Quoted.Text(token)} is no token; use one that came with an event, or none")]);

        lock (_lock)
            return log == _logId && IsKnown(sequence) ? sequence : throw Expired();
    }

    // A number that no event has was given out by a daemon whose last events never reached the disk.
    private bool IsKnown(long sequence) =>
        sequence == _dropped || sequence == _next - 1
        || (sequence > _dropped && _events.Exists(one => one.Sequence == sequence || one.Sequence == sequence + 1));

    private void DropOldest()
    {
        if (_events.Count > Kept)
        {
            _dropped = _events[^(Kept + 1)].Sequence;
            _events.RemoveRange(0, _events.Count - Kept);
        }

        Write(() => _file.Replace(new(_logId, _dropped), _events));
    }

    private static VmHostException Expired() =>
        new(VmHostError.OutOfRange, "the events behind this token are not kept any more; begin anew without one: what is now comes first then");

    private bool IsRepetition(HostEvent happened) =>
        happened is { Kind: HostEventKind.MachineState, MachineId: { } id }
        && _lastOfMachine.TryGetValue(id, out var last)
        && (last.State, last.Boot, last.Detail) == (happened.State, happened.Boot, happened.Detail);

    private void Remember(HostEvent one)
    {
        if (one is { Kind: HostEventKind.MachineState, MachineId: { } id })
            _lastOfMachine[id] = one;
        else if (one is { Kind: HostEventKind.MachineDeleted, MachineId: { } deleted })
            _lastOfMachine.Remove(deleted);
    }

    // Machines do not stop for it; who reads along still gets everything.
    private void Write(Action write)
    {
        try
        {
            write();
            _written = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_written)
                LogNotWritten(e);
            _written = false;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(Level = LogLevel.Error, Message = "Events cannot be written to the disk; they are kept in memory until they can.")]
    private partial void LogNotWritten(Exception e);
}
