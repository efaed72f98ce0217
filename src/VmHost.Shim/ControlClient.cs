using System.Buffers.Binary;
using VmHost.Posix;
using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>One connection on the control socket, with what it sent and what it is still to be sent.</summary>
internal sealed class ControlClient(int socket)
{
    // Answers are small: whoever has so many outstanding does not read.
    private const int AnswersLimit = 16 << 10;
    private const int InitialOutput = 512;

    private readonly FrameBuffer _received = new();
    private byte[] _output = new byte[InitialOutput];
    private int _outputStart;
    private int _outputEnd;
    private byte[] _input = [];
    private int _inputDone;
    private InputAt? _inputAt;
    private bool _subscribed;
    private long _toldEnd = -1;

    internal int Socket { get; } = socket;

    internal bool Closed { get; private set; }

    /// <summary>The most bytes that are kept for a client that does not read; one that leaves more is cut off.</summary>
    internal int OutputLimit { get; set; } = AnswersLimit;

    internal bool HasOutput => _outputEnd > _outputStart;

    /// <summary>False while the socket has to be waited for, or to be closed.</summary>
    internal bool IsServed => !HasOutput && !Closed;

    /// <summary>True while the terminal has not taken all of the input frame in hand.</summary>
    internal bool HasInput => _inputDone < _input.Length;

    internal ReadOnlySpan<byte> Input => _input.AsSpan(_inputDone);

    /// <summary>Nobody waits for what it sent.</summary>
    internal void Abandon()
    {
        _inputDone = _input.Length;
        Closed = true;
    }

    internal void Receive()
    {
        var count = Descriptor.Read(Socket, _received.Free.Span);
        if (count > 0)
            _received.Received(count);
        else if (count == 0 || Descriptor.LastError != Errno.WouldBlock)
            Closed = true;
    }

    internal bool TryTake(out FrameType type, out ReadOnlySpan<byte> payload)
    {
        type = default;
        payload = default;
        if (Closed)
            return false;

        try
        {
            return _received.TryTake(out type, out payload);
        }
        catch (InvalidDataException)
        {
            Closed = true;   // what follows cannot be cut into frames any more
            return false;
        }
    }

    internal void Subscribe() => _subscribed = true;

    /// <summary>
    /// Sends what is outstanding, then the journal's end if it is wanted and news. While the client does not read, no more
    /// of them are kept for it.
    /// </summary>
    internal void TellEnd(long end)
    {
        Flush();
        if (!_subscribed || end == _toldEnd || !IsServed)
            return;

        _toldEnd = end;
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(payload, end);
        Send(FrameType.End, payload);
        Flush();
    }

    /// <summary>Where the rest of the input belongs; null for input without a session.</summary>
    internal InputAt? InputPlace => _inputAt is { } at ? at with { Offset = at.Offset + _inputDone } : null;

    private FrameType InputType => _inputAt is null ? FrameType.Input : FrameType.InputAt;

    internal void TakeInput(InputAt? at, ReadOnlySpan<byte> input)
    {
        _input = input.ToArray();
        _inputDone = 0;
        _inputAt = at;
        if (!HasInput)
            SendResult(InputType, 0);
    }

    /// <summary>So much of the rest of the input is done.</summary>
    internal void InputWritten(int count)
    {
        _inputDone += count;
        if (!HasInput)
            SendResult(InputType, 0);
    }

    internal void InputRefused(int error)
    {
        _inputDone = _input.Length;
        SendResult(InputType, error);
    }

    internal void SendResult(FrameType request, int error)
    {
        Span<byte> payload = stackalloc byte[6];
        BinaryPrimitives.WriteUInt16LittleEndian(payload, (ushort)request);
        BinaryPrimitives.WriteInt32LittleEndian(payload[2..], error);
        Send(FrameType.Result, payload);
    }

    internal void SendUnknown(FrameType request)
    {
        Span<byte> payload = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(payload, (ushort)request);
        Send(FrameType.Unknown, payload);
    }

    internal void Send(FrameType type, ReadOnlySpan<byte> payload)
    {
        var size = Frame.HeaderSize + payload.Length;
        if (_outputEnd - _outputStart + size > OutputLimit)
        {
            Closed = true;
            return;
        }

        MakeRoom(size);
        _outputEnd += Frame.Write(_output.AsSpan(_outputEnd), type, payload);
    }

    internal void Flush()
    {
        while (HasOutput && !Closed)
        {
            var count = Descriptor.Write(Socket, _output.AsSpan(_outputStart, _outputEnd - _outputStart));
            if (count > 0)
                _outputStart += count;
            else if (Descriptor.LastError == Errno.WouldBlock)
                return;
            else
                Closed = true;
        }
    }

    private void MakeRoom(int size)
    {
        var pending = _output.AsSpan(_outputStart, _outputEnd - _outputStart);
        var needed = pending.Length + size;
        if (_outputEnd + size <= _output.Length)
            return;

        if (needed <= _output.Length)
        {
            pending.CopyTo(_output);
        }
        else
        {
            var larger = new byte[Math.Max(needed, Math.Min(2 * _output.Length, OutputLimit))];
            pending.CopyTo(larger);
            _output = larger;
        }

        (_outputStart, _outputEnd) = (0, pending.Length);
    }
}
