using System.Buffers.Binary;
using VmHost.Posix;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>
/// Serves the daemon on the control socket. One thread, no call that waits but <c>poll</c>; a client that does not
/// read or sends nonsense is cut off. News of the console is sent by the thread that brings it.
/// </summary>
internal sealed class ControlServer(
    int listener, PseudoTerminal terminal, JournalWriter journal, HypervisorProcess hypervisor, Welcome welcome, WakePipe wake)
{
    // The daemon uses one; the rest is for a daemon that comes while an old connection is not seen closed yet.
    private const int MaxClients = 8;
    private const int FixedEntries = 3;

    // Guards the two that follow, and what is in the clients. Nobody waits while holding it.
    private readonly Lock _lock = new();
    private readonly List<ControlClient> _clients = [];
    private ControlClient? _writer;

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

            lock (_lock)
                ServeAllLocked(entries);
        }
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

    /// <summary>The last word, once exit.json is written.</summary>
    internal void SayExited()
    {
        lock (_lock)
        {
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
            Descriptor = _clients.Count < MaxClients ? listener : -1,
            Wanted = PollEvents.Readable,
        };
        entries[1] = new() { Descriptor = wake.Read, Wanted = PollEvents.Readable };
        entries[2] = new() { Descriptor = writing ? terminal.Master : -1, Wanted = PollEvents.Writable };

        for (var i = 0; i < _clients.Count; i++)
        {
            var client = _clients[i];
            entries[FixedEntries + i] = new()
            {
                Descriptor = client.Socket,

                // One whose input the terminal has not taken yet sends no more: it waits, nobody else does.
                Wanted = (client.HasInput ? PollEvents.None : PollEvents.Readable)
                    | (client.HasOutput ? PollEvents.Writable : PollEvents.None),
            };
        }

        return FixedEntries + _clients.Count;
    }

    private void AcceptAllLocked()
    {
        int socket;
        while (_clients.Count < MaxClients && (socket = UnixListener.Accept(listener)) >= 0)
            _clients.Add(new ControlClient(socket));
    }

    private void ServeLocked(ControlClient client, PollEvents ready)
    {
        const PollEvents gone = PollEvents.HungUp | PollEvents.Error;

        // Whoever goes away while the guest does not read has given up what it did not take yet.
        if ((ready & gone) != PollEvents.None && client.HasInput)
            client.Abandon();
        else if ((ready & (PollEvents.Readable | gone)) != PollEvents.None && !client.HasInput)
            client.Receive();

        while (!client.HasInput && client.TryTake(out var type, out var payload))
            AnswerLocked(client, type, payload);

        if (client.HasInput)
            WriteInputLocked(client);

        client.TellEnd(journal.End);
    }

    private void AnswerLocked(ControlClient client, FrameType type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case FrameType.Hello:
                client.Send(FrameType.Welcome, welcome.ToPayload());
                break;
            case FrameType.Subscribe:
                client.Subscribe();
                break;
            case FrameType.Input when _writer is not null && _writer != client:
            case FrameType.Lease when _writer is not null && _writer != client && payload is not [1]:
                client.SendResult(type, Errno.Busy);
                break;
            case FrameType.Lease:
                _writer = client;
                client.SendResult(type, 0);
                break;
            case FrameType.Input:
                client.TakeInput(payload);
                break;
            case FrameType.Resize when payload.Length == 4:
                client.SendResult(type, Try(payload, Resize));
                break;
            case FrameType.Signal when payload.Length == 4:
                client.SendResult(type, Try(payload, Signal));
                break;
            case FrameType.Status:
                client.Send(FrameType.StatusReply, new StatusReply(journal.End, journal.LostBytes).ToPayload());
                break;
            case FrameType.Resize or FrameType.Signal:
                client.SendResult(type, Errno.Invalid);
                break;
            default:
                client.SendUnknown(type);
                break;
        }
    }

    private void Resize(ReadOnlySpan<byte> payload) =>
        terminal.Resize(
            BinaryPrimitives.ReadUInt16LittleEndian(payload),
            BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]));

    // The hypervisor is a child that was not collected yet, so its number is still its own.
    private void Signal(ReadOnlySpan<byte> payload) =>
        Signals.Send(hypervisor.Pid, BinaryPrimitives.ReadInt32LittleEndian(payload));

    private static int Try(ReadOnlySpan<byte> payload, PayloadAction action)
    {
        try
        {
            action(payload);
            return 0;
        }
        catch (PosixException e)
        {
            return e.Errno;
        }
    }

    private delegate void PayloadAction(ReadOnlySpan<byte> payload);

    private void WriteInputLocked(ControlClient client)
    {
        var count = Descriptor.Write(terminal.Master, client.Input);
        if (count > 0)
            client.InputWritten(count);
        else if (Descriptor.LastError != Errno.WouldBlock)
            client.InputRefused(Descriptor.LastError);
    }

    private void RemoveClosedLocked()
    {
        for (var i = _clients.Count - 1; i >= 0; i--)
        {
            if (!_clients[i].Closed)
                continue;

            if (_writer == _clients[i])
                _writer = null;

            Descriptor.Close(_clients[i].Socket);
            _clients.RemoveAt(i);
        }
    }
}
