using VmHost.Posix;
using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>
/// The hypervisor's QMP monitor, which has a socketpair instead of a path: this end is greeted here, and then served to one
/// client at a time. Without a client it is read all the same and what it says is dropped, so that QEMU never waits. Not safe
/// for several threads.
/// </summary>
internal sealed class MonitorRelay(int socket)
{
    private static readonly byte[] Negotiation = "{\"execute\": \"qmp_capabilities\"}\n"u8.ToArray();

    // One read; a frame with all of it stays far below the frame limit.
    private const int ReadSize = 4 << 10;

    // A monitor that never pauses must not keep this thread from the other clients.
    private const int ReadsAtOnce = 16;

    // Enough of a line to recognise the greeting and the answer to qmp_capabilities.
    private const int HeadSize = 64;

    // More than a client of a live machine ever leaves unread: a megabyte of events is thousands of them.
    private const int ClientLimit = 1 << 20;

    private readonly byte[] _said = new byte[1 + ReadSize];
    private readonly byte[] _head = new byte[HeadSize];
    private int _headSize;
    private State _state;

    // What the hypervisor has not taken yet, and the client that is answered then.
    private ReadOnlyMemory<byte> _unsent;
    private ControlClient? _sender;

    private ControlClient? _client;
    private bool _isOpening;

    // Within a line; and whether the client came in the middle of it, and gets the next one first.
    private bool _isInLine;
    private bool _skipsLine;

    private enum State
    {
        Greeting,
        Negotiating,
        Ready,
        Closed,
    }

    /// <summary>To poll; -1 once the hypervisor closed its end.</summary>
    internal int Socket => _state == State.Closed ? -1 : socket;

    /// <summary>True while the hypervisor has not taken all of a request: the next one has to wait.</summary>
    internal bool IsSending => !_unsent.IsEmpty;

    /// <summary>Whether this client's next frame has to wait for the one before.</summary>
    internal bool Blocks(ControlClient client) => IsSending && _client == client;

    /// <summary>Answers <see cref="FrameType.OpenMonitor"/>, perhaps later.</summary>
    internal void Open(ControlClient client, bool takeOver)
    {
        if (_state == State.Closed)
        {
            client.SendResult(FrameType.OpenMonitor, Errno.BrokenPipe);
            return;
        }

        if (_client is { Closed: false } other && other != client)
        {
            if (!takeOver)
            {
                client.SendResult(FrameType.OpenMonitor, Errno.Busy);
                return;
            }

            other.Abandon();
        }

        (_client, _isOpening, _skipsLine) = (client, true, _isInLine);
        client.OutputLimit = ClientLimit;
        AnswerOpening();
    }

    /// <summary>Answers <see cref="FrameType.ToMonitor"/>, perhaps later.</summary>
    internal void Send(ControlClient client, ReadOnlySpan<byte> request)
    {
        if (_client != client || _isOpening || IsSending)
        {
            client.SendResult(FrameType.ToMonitor, Errno.Busy);
        }
        else if (!MonitorRequest.IsWhole(request))
        {
            client.SendResult(FrameType.ToMonitor, Errno.Invalid);
        }
        else if (_state == State.Closed)
        {
            client.SendResult(FrameType.ToMonitor, Errno.BrokenPipe);
        }
        else
        {
            _sender = client;
            Write(MonitorRequest.ToLine(request));
        }
    }

    /// <summary>The client is gone. A request of which the hypervisor has a part is sent to its end all the same.</summary>
    internal void Forget(ControlClient client)
    {
        if (_client == client)
            _client = null;
        if (_sender == client)
            _sender = null;
    }

    /// <summary>Reads and writes what can be without waiting.</summary>
    internal void Serve(PollEvents ready)
    {
        if (_state == State.Closed || ready == PollEvents.None)
            return;

        if ((ready & PollEvents.Writable) != PollEvents.None)
            Write(_unsent);

        for (var i = 0; i < ReadsAtOnce && TryRead(); i++)
        {
            // What comes after it is read when this is polled again.
        }

        _client?.Flush();
    }

    /// <summary>Hands on what a hypervisor that ended said last.</summary>
    internal void DrainToEnd()
    {
        while (TryRead())
        {
            // It has ended: this much and no more.
        }
    }

    private bool TryRead()
    {
        if (_state == State.Closed)
            return false;

        var count = Descriptor.Read(socket, _said.AsSpan(1));
        if (count > 0)
            Take(count);
        else if (count == 0 || Descriptor.LastError != Errno.WouldBlock)
            Close();

        return count > 0;
    }

    // Bytes 1 to count of _said are what was read; the byte before each part becomes its frame's flag.
    private void Take(int count)
    {
        for (int begin = 1, end; begin <= count; begin = end + 1)
        {
            var at = _said.AsSpan(begin, count + 1 - begin).IndexOf((byte)'\n');
            end = at < 0 ? count + 1 : begin + at;
            TakePart(begin, end, isEnd: at >= 0);
        }
    }

    private void TakePart(int begin, int end, bool isEnd)
    {
        if (_state != State.Ready)
        {
            KeepHead(_said.AsSpan(begin, end - begin));
            if (isEnd)
                Negotiate();
        }
        else if (_client is { Closed: false } client && !_isOpening && !_skipsLine)
        {
            _said[begin - 1] = isEnd ? (byte)0 : (byte)1;
            client.Send(FrameType.MonitorSaid, _said.AsSpan(begin - 1, end - begin + 1));
        }

        _isInLine = !isEnd;
        _skipsLine &= !isEnd;
    }

    private void KeepHead(ReadOnlySpan<byte> part)
    {
        var kept = part[..Math.Min(part.Length, HeadSize - _headSize)];
        kept.CopyTo(_head.AsSpan(_headSize));
        _headSize += kept.Length;
    }

    // QEMU greets before it has set up the machine, and answers after: then the monitor accepts commands.
    private void Negotiate()
    {
        var line = _head.AsSpan(0, _headSize);
        if (_state == State.Greeting && line.IndexOf("\"QMP\""u8) >= 0)
        {
            _state = State.Negotiating;
            Write(Negotiation);
        }
        else if (_state == State.Negotiating && line.IndexOf("\"return\""u8) >= 0)
        {
            _state = State.Ready;
            AnswerOpening();
        }

        _headSize = 0;
    }

    private void AnswerOpening()
    {
        if (!_isOpening || _state is not (State.Ready or State.Closed))
            return;

        _isOpening = false;
        _client?.SendResult(FrameType.OpenMonitor, _state == State.Ready ? 0 : Errno.BrokenPipe);
    }

    private void Write(ReadOnlyMemory<byte> data)
    {
        while (!data.IsEmpty)
        {
            var count = Descriptor.Write(socket, data.Span);
            if (count > 0)
            {
                data = data[count..];
            }
            else if (Descriptor.LastError == Errno.WouldBlock)
            {
                break;
            }
            else
            {
                Close();
                return;
            }
        }

        _unsent = data;
        if (!IsSending)
            Answer(0);
    }

    private void Answer(int error)
    {
        _sender?.SendResult(FrameType.ToMonitor, error);
        _sender = null;
    }

    private void Close()
    {
        _state = State.Closed;
        _unsent = default;
        Descriptor.Close(socket);
        Answer(Errno.BrokenPipe);
        AnswerOpening();
    }
}
