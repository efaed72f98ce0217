using VmHost.Posix;
using VmHost.ShimContract.Journal;

namespace VmHost.Shim;

/// <summary>
/// Copies the console into the journal, in a thread that does nothing else: it never waits for a client or for the
/// disk to flush. Hypervisors write one byte a call and drop it when the terminal is full, so small reads are gathered
/// for about a millisecond, but the first byte after a pause goes on at once.
/// </summary>
internal sealed class ConsolePump
{
    // Twice what a terminal hands out in one read on Linux.
    private const int BufferSize = 8 << 10;

    // A read of at least this much means that the writer is fast: waiting would slow it down. Right behind a wait it means
    // nothing yet, since one who writes byte by byte may get that far meanwhile.
    private const int LargeRead = 2 << 10;

    private const int TickMilliseconds = 100;
    private const int GatherMilliseconds = 1;

    // Whoever is told takes processor time from the guest.
    private const int TellMilliseconds = 4;

    private static readonly TimeSpan TellEvery = TimeSpan.FromMilliseconds(TellMilliseconds);

    // Who writes less often than that is told at once each time: a key and its echo wait for nothing.
    private static readonly TimeSpan Pause = TimeSpan.FromMicroseconds(500);

    // A process that the hypervisor left behind may hold the terminal open for ever.
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(1);

    private readonly PseudoTerminal _terminal;
    private readonly JournalWriter _journal;
    private readonly Action _grown;
    private readonly TimeProvider _time;
    private readonly WakePipe _wake = new();
    private readonly Thread _thread;
    private readonly byte[] _buffer = new byte[BufferSize];

    // The pump's own.
    private long _toldAt;
    private long _floodAt;
    private int _smallReads;
    private bool _untold;
    private bool _gathered;

    private volatile bool _draining;

    /// <param name="terminal">Read to its end by this pump only.</param>
    /// <param name="journal">Written by this pump only.</param>
    /// <param name="grown">Called whenever the journal grew; it must not wait.</param>
    /// <param name="time">The clock.</param>
    internal ConsolePump(PseudoTerminal terminal, JournalWriter journal, Action grown, TimeProvider time)
    {
        (_terminal, _journal, _grown, _time) = (terminal, journal, grown, time);
        _thread = new Thread(Run, maxStackSize: 256 << 10) { Name = "console", IsBackground = true };
    }

    internal void Start() => _thread.Start();

    /// <summary>
    /// Reads what is left once the hypervisor is gone and returns when it is in the journal. The caller has closed its
    /// side of the terminal, so that the end can be seen.
    /// </summary>
    internal void DrainToEnd()
    {
        _draining = true;
        _wake.Wake();
        _thread.Join();
    }

    private void Run()
    {
        Span<PollEntry> entries =
        [
            new() { Descriptor = _terminal.Master, Wanted = PollEvents.Readable },
            new() { Descriptor = _wake.Read, Wanted = PollEvents.Readable },
        ];

        var lastRead = _time.GetTimestamp();
        while (true)
        {
            var count = Descriptor.Read(_terminal.Master, _buffer);
            if (count > 0)
            {
                _journal.Append(_buffer.AsSpan(0, count));

                var now = _time.GetTimestamp();
                Pace(count, now, hasPaused: _time.GetElapsedTime(lastRead, now) >= Pause);

                // What this thread waited is no pause of the writer's.
                lastRead = _gathered ? _time.GetTimestamp() : now;
                continue;
            }

            if (count == 0 || Descriptor.LastError != Errno.WouldBlock)
                break;   // EIO: the last one who had the terminal open closed it

            if (Poll.Wait(entries, _untold ? TellMilliseconds : Timeout()) == 0)
            {
                if (_untold)
                {
                    Tell(_time.GetTimestamp());
                    continue;
                }

                _journal.Tick();
                if (_draining && _time.GetElapsedTime(lastRead) >= DrainLimit)
                    break;
            }
            else if (entries[1].Ready != PollEvents.None)
            {
                _wake.Drain();
                lastRead = _time.GetTimestamp();
            }
        }

        _journal.Finish();
        _grown();
    }

    // In a flood others are told now and then, and once nothing comes. Among its large reads may be small ones, where this
    // thread was faster than the writer: they are part of it.
    private void Pace(int count, long now, bool hasPaused)
    {
        var isLarge = count >= LargeRead;
        if (isLarge && !_gathered)
            _floodAt = now;

        var isFlood = _time.GetElapsedTime(_floodAt, now) < TellEvery;
        _untold = isFlood && _time.GetElapsedTime(_toldAt, now) < TellEvery;
        if (!_untold)
            Tell(now);

        if (isFlood || hasPaused)
            _smallReads = 0;
        else if (!isLarge)
            _smallReads++;

        _gathered = !isLarge && _smallReads > 1;
        if (_gathered)
            Gather();
    }

    private void Tell(long now)
    {
        _untold = false;
        _toldAt = now;
        _grown();
    }

    private int Timeout() => _draining || _journal.NeedsTick ? TickMilliseconds : -1;

    private static void Gather() => Poll.Wait([], GatherMilliseconds);
}
