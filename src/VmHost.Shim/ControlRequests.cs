using System.Buffers.Binary;
using VmHost.Posix;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>Answers the daemon's requests. Not safe for several threads.</summary>
internal sealed class ControlRequests(
    PseudoTerminal terminal, JournalWriter journal, HypervisorProcess hypervisor, MonitorRelay? monitor, Welcome welcome)
{
    private ControlClient? _writer;

    private delegate void PayloadAction(ReadOnlySpan<byte> payload);

    /// <summary>Answers one, or begins with what is answered later.</summary>
    internal void Answer(ControlClient client, FrameType type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case FrameType.Hello:
                client.Send(FrameType.Welcome, welcome.ToPayload());
                break;
            case FrameType.Subscribe:
                client.Subscribe();
                break;
            case FrameType.Input or FrameType.InputAt when _writer is not null && _writer != client:
            case FrameType.Lease when _writer is not null && _writer != client && payload is not [1]:
                client.SendResult(type, Errno.Busy);
                break;
            case FrameType.Lease:
                _writer = client;
                client.SendResult(type, 0);
                break;
            case FrameType.Input:
                client.TakeInput(at: null, payload);
                break;
            case FrameType.InputAt when InputAt.TryRead(payload, out var at, out var data):
                client.TakeInput(at, data);
                break;
            case FrameType.Resize when payload.Length == 4:
                client.SendResult(type, Try(payload, Resize));
                break;
            case FrameType.Signal when payload.Length == 4:
                client.SendResult(type, Try(payload, Signal));
                break;
            case FrameType.Resize or FrameType.Signal or FrameType.InputAt:
                client.SendResult(type, Errno.Invalid);
                break;
            case FrameType.Status:
                client.Send(FrameType.StatusReply, new StatusReply(journal.End, journal.LostBytes).ToPayload());
                break;
            case FrameType.OpenMonitor or FrameType.ToMonitor when monitor is null:
                client.SendResult(type, Errno.NotSupported);
                break;
            case FrameType.OpenMonitor:
                monitor.Open(client, takeOver: payload is [1]);
                break;
            case FrameType.ToMonitor:
                monitor.Send(client, payload);
                break;
            default:
                client.SendUnknown(type);
                break;
        }
    }

    /// <summary>The client is gone.</summary>
    internal void Forget(ControlClient client)
    {
        if (_writer == client)
            _writer = null;

        monitor?.Forget(client);
    }

    private void Resize(ReadOnlySpan<byte> payload) =>
        terminal.Resize(
            BinaryPrimitives.ReadUInt16LittleEndian(payload),
            BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]));

    private void Signal(ReadOnlySpan<byte> payload) => hypervisor.Signal(BinaryPrimitives.ReadInt32LittleEndian(payload));

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
}
