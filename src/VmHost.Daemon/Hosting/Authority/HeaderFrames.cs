using System.Buffers;
using System.Buffers.Binary;

namespace VmHost.Daemon.Hosting.Authority;

/// <summary>
/// The bytes of one connection from its client, with the header blocks rewritten by <see cref="HeaderBlock"/> (RFC 9113, sections 3.4,
/// 4.3 and 6.2). A header block is held until it is complete. All other bytes pass as they come.
/// </summary>
internal sealed class HeaderFrames
{
    /// <summary>The longest header block, in bytes: as much as Kestrel allows decoded.</summary>
    internal const int MaxBlockBytes = 32 << 10;

    /// <summary>The most CONTINUATION frames of a header block.</summary>
    internal const int MaxContinuations = 16;

    private const int HeaderBytes = 9;
    private const int PriorityBytes = 5;

    // Every receiver takes frames of this size.
    private const int MaxPayload = 16 << 10;

    private const byte TypeHeaders = 1;
    private const byte TypeContinuation = 9;

    private const byte FlagEndStream = 0x1;
    private const byte FlagEndHeaders = 0x4;
    private const byte FlagPadded = 0x8;
    private const byte FlagPriority = 0x20;

    private readonly HeaderBlock _headers = new();
    private readonly byte[] _header = new byte[HeaderBytes];

    // The frames of a header block: as they came, and what they hold of the block.
    private readonly ArrayBufferWriter<byte> _frames = new();
    private readonly ArrayBufferWriter<byte> _block = new();

    private int _prefaceMatched;
    private int _headerLength;
    private int _payloadLeft;
    private int _continuations;
    private bool _inBlock;
    private bool _isHeld;

    // What follows is not HTTP/2, or not as it must be: the server refuses it in its own words.
    private bool _passesAll;

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Takes the next bytes of the client and writes what the server gets.</summary>
    /// <exception cref="InvalidDataException">A header block is too long.</exception>
    internal void Process(ReadOnlySpan<byte> bytes, IBufferWriter<byte> to)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[Take(bytes, to)..];
    }

    // Returns how many bytes it took.
    private int Take(ReadOnlySpan<byte> bytes, IBufferWriter<byte> to)
    {
        if (_passesAll)
            return Pass(bytes, to);
        if (_prefaceMatched < Preface.Length)
            return TakePreface(bytes, to);
        if (_payloadLeft > 0)
            return TakePayload(bytes[..Math.Min(_payloadLeft, bytes.Length)], to);

        var taken = Math.Min(HeaderBytes - _headerLength, bytes.Length);
        bytes[..taken].CopyTo(_header.AsSpan(_headerLength));
        _headerLength += taken;
        if (_headerLength == HeaderBytes)
            BeginFrame(to);

        return taken;
    }

    private static int Pass(ReadOnlySpan<byte> bytes, IBufferWriter<byte> to)
    {
        to.Write(bytes);
        return bytes.Length;
    }

    private int TakePreface(ReadOnlySpan<byte> bytes, IBufferWriter<byte> to)
    {
        var part = bytes[..Math.Min(Preface.Length - _prefaceMatched, bytes.Length)];
        _passesAll = !Preface[_prefaceMatched..].StartsWith(part);
        _prefaceMatched += part.Length;
        return Pass(part, to);
    }

    private int TakePayload(ReadOnlySpan<byte> part, IBufferWriter<byte> to)
    {
        _payloadLeft -= part.Length;
        if (!_isHeld)
            return Pass(part, to);

        _frames.Write(part);
        if (_payloadLeft == 0)
            EndHeldFrame(to);

        return part.Length;
    }

    private void BeginFrame(IBufferWriter<byte> to)
    {
        _headerLength = 0;
        _payloadLeft = (_header[0] << 16) | (_header[1] << 8) | _header[2];
        var type = _header[3];
        if (_inBlock && (type != TypeContinuation || NumberOf(_header) != NumberOf(_frames.WrittenSpan)))
        {
            PassHeld(to);
            _passesAll = true;
        }

        _isHeld = !_passesAll && (type == TypeHeaders || _inBlock);
        if (!_isHeld)
        {
            to.Write(_header);
            return;
        }

        Hold();
        if (_payloadLeft == 0)
            EndHeldFrame(to);
    }

    private void Hold()
    {
        if (_inBlock)
            _continuations++;

        _inBlock = true;
        if (_continuations > MaxContinuations || _frames.WrittenCount + _payloadLeft > MaxBlockBytes + (HeaderBytes * (MaxContinuations + 1)))
            throw new InvalidDataException($"a header block has more than {MaxBlockBytes >> 10} KiB or {MaxContinuations} CONTINUATION frames");

        _frames.Write(_header);
    }

    private void EndHeldFrame(IBufferWriter<byte> to)
    {
        var payload = _frames.WrittenSpan[^PayloadLengthOf(_header)..];
        if (!TryGetFragment(payload, _header[3] == TypeContinuation ? (byte)0 : _header[4], out var fragment))
        {
            PassHeld(to);
            _passesAll = true;
            return;
        }

        _block.Write(fragment);
        if ((_header[4] & FlagEndHeaders) == 0)
            return;

        if (_headers.TryRewrite(_block.WrittenSpan, out var rewritten))
            WriteFrames(to, rewritten.WrittenSpan);
        else
            to.Write(_frames.WrittenSpan);

        Reset();
    }

    private void PassHeld(IBufferWriter<byte> to)
    {
        to.Write(_frames.WrittenSpan);
        Reset();
    }

    private void Reset()
    {
        _frames.ResetWrittenCount();
        _block.ResetWrittenCount();
        (_inBlock, _isHeld, _continuations) = (false, false, 0);
    }

    // Without its padding, which hides nothing on a Unix socket.
    private void WriteFrames(IBufferWriter<byte> to, ReadOnlySpan<byte> block)
    {
        var first = _frames.WrittenSpan;
        var hasPriority = (first[4] & FlagPriority) != 0;
        var priority = hasPriority ? first.Slice(HeaderBytes + ((first[4] & FlagPadded) != 0 ? 1 : 0), PriorityBytes) : default;
        var part = block[..Math.Min(block.Length, MaxPayload - priority.Length)];
        block = block[part.Length..];
        WriteHeader(to, priority.Length + part.Length, TypeHeaders, (byte)((first[4] & (FlagEndStream | FlagPriority)) | EndFlag(block)));
        to.Write(priority);
        to.Write(part);
        while (!block.IsEmpty)
        {
            part = block[..Math.Min(block.Length, MaxPayload)];
            block = block[part.Length..];
            WriteHeader(to, part.Length, TypeContinuation, EndFlag(block));
            to.Write(part);
        }
    }

    private static byte EndFlag(ReadOnlySpan<byte> left) => left.IsEmpty ? FlagEndHeaders : (byte)0;

    private void WriteHeader(IBufferWriter<byte> to, int length, byte type, byte flags)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        BinaryPrimitives.WriteInt32BigEndian(header, length << 8);
        header[3] = type;
        header[4] = flags;
        StreamOf(_frames.WrittenSpan).CopyTo(header[5..]);
        to.Write(header);
    }

    private static bool TryGetFragment(ReadOnlySpan<byte> payload, byte flags, out ReadOnlySpan<byte> fragment)
    {
        fragment = default;
        var isPadded = (flags & FlagPadded) != 0;
        if (isPadded && payload.IsEmpty)
            return false;

        var start = (isPadded ? 1 : 0) + ((flags & FlagPriority) != 0 ? PriorityBytes : 0);
        var padding = isPadded ? payload[0] : 0;
        if (start + padding > payload.Length)
            return false;

        fragment = payload[start..^padding];
        return true;
    }

    private static int PayloadLengthOf(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadInt32BigEndian(header) >>> 8;

    // The highest bit is reserved and means nothing.
    private static uint NumberOf(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadUInt32BigEndian(StreamOf(header)) & 0x7fffffff;

    private static ReadOnlySpan<byte> StreamOf(ReadOnlySpan<byte> header) => header.Slice(5, 4);
}
