using System.Buffers;
using System.Text;

namespace VmHost.Cli.Terminal;

/// <summary>
/// Removes from a guest's output what a terminal would obey: escape sequences as a whole (CSI, OSC, DCS and the like,
/// also those begun by an 8-bit control) and control characters but tab, line feed and a carriage return before a line
/// feed. Also what makes a reader see another line than was written: direction marks and invisible characters. What is left is valid UTF-8. It works byte by byte, so it does not matter how the output is cut into pieces.
/// </summary>
internal sealed class ConsoleSanitizer
{
    private const byte Escape = 0x1b;
    private const byte Bell = 0x07;
    private const byte Cancel = 0x18;
    private const byte Substitute = 0x1a;
    private const byte Delete = 0x7f;
    private const byte FirstNonAscii = 0x80;

    // Invisible, and part of how some scripts and pictures are written.
    private const int ZeroWidthNonJoiner = 0x200C;
    private const int ZeroWidthJoiner = 0x200D;

    // A sequence that does not end would hide everything behind it.
    private const int MaxSequence = 4096;

    private readonly ArrayBufferWriter<byte> _clean = new();

    // The beginning of a character of several bytes.
    private readonly byte[] _partial = new byte[4];
    private int _partialLength;

    private State _state;
    private int _length;
    private byte _before;
    private bool _carriageReturn;

    private enum State
    {
        Text,
        Escaped,
        Control,
        String,
    }

    /// <summary>What of <paramref name="data"/> may be shown. Valid until the next call.</summary>
    internal ReadOnlyMemory<byte> Clean(ReadOnlySpan<byte> data)
    {
        _clean.ResetWrittenCount();
        foreach (var value in data)
            Take(value);
        return _clean.WrittenMemory;
    }

    /// <summary>What is still to be shown when no more comes. Valid until the next call.</summary>
    internal ReadOnlyMemory<byte> Finish()
    {
        _clean.ResetWrittenCount();
        FlushPartial();
        return _clean.WrittenMemory;
    }

    private void Take(byte value)
    {
        if (_state != State.Text && !EndsInsideSequence(value))
            return;

        _state = State.Text;
        TakeText(value);
    }

    /// <summary>True when the sequence was broken off by a byte that does not belong to it and stands for itself.</summary>
    private bool EndsInsideSequence(byte value)
    {
        var before = _before;
        _before = value;
        if (value == Escape)
        {
            // Within a string this may be its end, ESC \, which as a sequence of its own does nothing.
            Begin(State.Escaped);
            return false;
        }

        if (++_length > MaxSequence)
            return true;

        switch (_state)
        {
            case State.Escaped when value is >= 0x20 and < Delete:
                if (value > 0x2f)
                    _state = _length == 1 ? AfterEscape(value) : State.Text;
                return false;
            case State.Control when value is >= 0x20 and < Delete:
                if (value >= 0x40)
                    _state = State.Text;
                return false;
            case State.String:
                if (value is Bell or Cancel or Substitute || (before == 0xc2 && value == 0x9c))
                    _state = State.Text;
                return false;
            default:
                return true;
        }
    }

    private static State AfterEscape(byte final) =>
        final switch
        {
            (byte)'[' => State.Control,
            (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_' => State.String,
            _ => State.Text,
        };

    private void Begin(State state)
    {
        _state = state;
        _length = 0;
        _before = 0;
    }

    private void TakeText(byte value)
    {
        if (_partialLength > 0 && value is < FirstNonAscii or >= 0xc0)
            FlushPartial();

        if (value >= FirstNonAscii)
            TakeNonAscii(value);
        else if (value == Escape)
            Begin(State.Escaped);
        else
            TakeAscii(value);
    }

    private void TakeAscii(byte value)
    {
        if (value == (byte)'\n' && _carriageReturn)
            Show((byte)'\r');
        _carriageReturn = value == (byte)'\r';

        if (value is (byte)'\n' or (byte)'\t' or (>= 0x20 and < Delete))
            Show(value);
    }

    private void TakeNonAscii(byte value)
    {
        _partial[_partialLength++] = value;
        var status = Rune.DecodeFromUtf8(_partial.AsSpan(0, _partialLength), out var rune, out var used);
        if (status == OperationStatus.NeedMoreData)
            return;

        _carriageReturn = false;
        var length = _partialLength;
        _partialLength = 0;
        if (status == OperationStatus.InvalidData)
        {
            ShowReplacement();

            // Its last byte did not fit what came before; it may begin something.
            if (used < length)
                TakeText(value);
        }
        else if (rune.Value is >= 0x80 and <= 0x9f)
        {
            TakeControl(rune.Value);
        }
        else if (!Output.IsInvisible(rune) || rune.Value is ZeroWidthNonJoiner or ZeroWidthJoiner)
        {
            _clean.Write(_partial.AsSpan(0, length));
        }
    }

    // The 8-bit forms of ESC and a letter.
    private void TakeControl(int control)
    {
        var state = AfterEscape((byte)(control - 0x40));
        if (state != State.Text)
            Begin(state);
    }

    private void FlushPartial()
    {
        if (_partialLength == 0)
            return;

        _partialLength = 0;
        _carriageReturn = false;
        ShowReplacement();
    }

    private void ShowReplacement() => _clean.Write("\uFFFD"u8);

    private void Show(byte value)
    {
        _clean.GetSpan(1)[0] = value;
        _clean.Advance(1);
    }
}
