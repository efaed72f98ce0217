using VmHost.Posix;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>
/// Serves the daemon on the control socket. One thread, no call that waits but <c>poll</c>; a client that does not
/// read or sends nonsense is cut off. News of the console is sent by the thread that brings it.
/// </summary>
internal sealed class ControlServer(
    ControlSocket socket, ControlRequests requests, PseudoTerminal terminal, JournalWriter journal, HypervisorProcess hypervisor, MonitorRelay? monitor, WakePipe wake)
{
    // A daemon uses three; the rest is for one that comes while old connections are not seen closed yet.
    private const int MaxClients = 16;
    private const int FixedEntries = 4;

    // Guards the clients, what is in them, requests and monitor. Nobody waits while holding it.
    private readonly Lock _lock = new();
    private readonly List<ControlClient> _clients = [];
    private readonly InputSequence _sequence = new();
    private volatile bool _recoversSocket;

    /// <summary>Returns when the hypervisor ended.</summary>
    internal void ServeUntilExit()
    {
        var entries = new PollEntry[FixedEntries + MaxClients];
        while (!hypervisor.Ended)
        {
            int count;
            lock (_lock)
                count = PrepareLocked(entries);

            Poll.Wait(entries.AsSpan(0, count), -1);
            if (entries[1].Ready != PollEvents.None)
                wake.Drain();

            if (_recoversSocket)
            {
                _recoversSocket = false;
                socket.Recover();
            }

            lock (_lock)
                ServeAllLocked(entries);
        }
    }

    /// <summary>Has the socket made again if it is not at its path any more. Does not wait for that.</summary>
    internal void RecoverSocket()
    {
        _recoversSocket = true;
        wake.Wake();
    }

    /// <summary>Tells where the journal ends. It does not wait, not for this server's own thread either.</summary>
    internal void TellEnd()
    {
        if (!_lock.TryEnter())
        {
            wake.Wake();   // busy with the clients, that thread tells them next
            return;
        }

        try
        {
            foreach (var client in _clients)
            {
                var wasServed = client.IsServed;
                client.TellEnd(journal.End);
                if (wasServed && !client.IsServed)
                    wake.Wake();   // what is left to do is that thread's
            }
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>Sends the last frames, once exit.json is written.</summary>
    internal void NotifyExited()
    {
        lock (_lock)
        {
            monitor?.DrainToEnd();
            foreach (var client in _clients)
            {
                client.TellEnd(journal.End);
                client.Send(FrameType.Exited, []);
                client.Flush();
            }
        }
    }

    private void ServeAllLocked(PollEntry[] entries)
    {
        // Before the clients: what the monitor said or took is theirs next.
        monitor?.Serve(entries[3].Ready);

        var served = _clients.Count;
        for (var i = 0; i < served; i++)
            ServeLocked(_clients[i], entries[FixedEntries + i].Ready);

        if (entries[0].Ready != PollEvents.None)
            AcceptAllLocked();

        RemoveClosedLocked();
    }

    private int PrepareLocked(PollEntry[] entries)
    {
        var writing = _clients.Exists(client => client.HasInput);
        entries[0] = new()
        {
            Descriptor = _clients.Count < MaxClients ? socket.Listener : -1,
            Wanted = PollEvents.Readable,
        };
        entries[1] = new() { Descriptor = wake.Read, Wanted = PollEvents.Readable };
        entries[2] = new() { Descriptor = writing ? terminal.Master : -1, Wanted = PollEvents.Writable };
        entries[3] = new()
        {
            Descriptor = monitor?.Socket ?? -1,
            Wanted = PollEvents.Readable | (monitor is { IsSending: true } ? PollEvents.Writable : PollEvents.None),
        };

        for (var i = 0; i < _clients.Count; i++)
        {
            var client = _clients[i];
            entries[FixedEntries + i] = new()
            {
                Descriptor = client.Socket,

                // One whose input the terminal has not taken yet sends no more: it waits, nobody else does.
                Wanted = (IsBlocked(client) ? PollEvents.None : PollEvents.Readable)
                    | (client.HasOutput ? PollEvents.Writable : PollEvents.None),
            };
        }

        return FixedEntries + _clients.Count;
    }

    private void AcceptAllLocked()
    {
        int accepted;
        while (_clients.Count < MaxClients && (accepted = UnixListener.Accept(socket.Listener)) >= 0)
            _clients.Add(new ControlClient(accepted));
    }

    private void ServeLocked(ControlClient client, PollEvents ready)
    {
        const PollEvents gone = PollEvents.HungUp | PollEvents.Error;

        // Whoever goes away while the guest does not read has given up what it did not take yet.
        if ((ready & gone) != PollEvents.None && IsBlocked(client))
            client.Abandon();
        else if ((ready & (PollEvents.Readable | gone)) != PollEvents.None && !IsBlocked(client))
            client.Receive();

        while (!IsBlocked(client) && client.TryTake(out var type, out var payload))
            requests.Answer(client, type, payload);

        if (client.HasInput)
            WriteInputLocked(client);

        client.TellEnd(journal.End);
    }

    // True while its last request is not done, so that the next one has to wait.
    private bool IsBlocked(ControlClient client) => client.HasInput || (monitor?.Blocks(client) ?? false);

    private void WriteInputLocked(ControlClient client)
    {
        // Right before each write: a connection that is about to be seen closed may write too.
        if (client.InputPlace is { } place && _sequence.WrittenOf(place, client.Input.Length) is > 0 and var written)
        {
            client.InputWritten(written);
            if (!client.HasInput)
                return;
        }

        var count = Descriptor.Write(terminal.Master, client.Input);
        if (count > 0)
            WrittenLocked(client, count);
        else if (Descriptor.LastError != Errno.WouldBlock)
            client.InputRefused(Descriptor.LastError);
    }

    private void WrittenLocked(ControlClient client, int count)
    {
        if (client.InputPlace is { } place)
            _sequence.Reach(place with { Offset = place.Offset + count });
        client.InputWritten(count);
    }

    private void RemoveClosedLocked()
    {
        for (var i = _clients.Count - 1; i >= 0; i--)
        {
            if (!_clients[i].Closed)
                continue;

            requests.Forget(_clients[i]);
            Descriptor.Close(_clients[i].Socket);
            _clients.RemoveAt(i);
        }
    }
}
