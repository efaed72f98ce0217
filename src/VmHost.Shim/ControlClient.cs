using System.Buffers.Binary;
using VmHost.Posix;
using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>One connection on the control socket, with what it sent and what it is still to be sent.</summary>
internal sealed class ControlClient(int socket)
{
    // Answers are small: whoever has so many outstanding does not read.
    private const int MaxOutput = 16 << 10;

    private readonly FrameBuffer _received = new();
    private readonly byte[] _output = new byte[MaxOutput];
    private int _outputSize;
    private byte[] _input = [];
    private int _inputDone;
    private bool _subscribed;
    private long _toldEnd = -1;

    internal int Socket { get; } = socket;

    internal bool Closed { get; private set; }

    internal bool HasOutput => _outputSize > 0;

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

    internal void TakeInput(ReadOnlySpan<byte> input)
    {
        _input = input.ToArray();
        _inputDone = 0;
        if (!HasInput)
            SendResult(FrameType.Input, 0);
    }

    internal void InputWritten(int count)
    {
        _inputDone += count;
        if (!HasInput)
            SendResult(FrameType.Input, 0);
    }

    internal void InputRefused(int error)
    {
        _inputDone = _input.Length;
        SendResult(FrameType.Input, error);
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
        if (_outputSize + Frame.HeaderSize + payload.Length > MaxOutput)
            Closed = true;
        else
            _outputSize += Frame.Write(_output.AsSpan(_outputSize), type, payload);
    }

    internal void Flush()
    {
        while (_outputSize > 0 && !Closed)
        {
            var count = Descriptor.Write(Socket, _output.AsSpan(0, _outputSize));
            if (count > 0)
            {
                _outputSize -= count;
                _output.AsSpan(count, _outputSize).CopyTo(_output);
            }
            else if (Descriptor.LastError == Errno.WouldBlock)
            {
                return;
            }
            else
            {
                Closed = true;
            }
        }
    }
}
