using System.Buffers;
using System.Text;

namespace VmHost.Consoles.Screen;

/// <summary>What a terminal is told to do.</summary>
internal interface ITerminal
{
    void Print(Rune rune);

    /// <summary>A control character of C0, or one of C1 as its two-byte form has it (ESC D is IND).</summary>
    void Control(byte control);

    /// <param name="intermediate">What stood between ESC and the final byte; 0 for nothing.</param>
    /// <param name="final">The last byte.</param>
    void Escape(byte intermediate, byte final);

    /// <param name="marker">A private marker such as '?'; 0 for none.</param>
    /// <param name="parameters">As they were given; -1 for one that was left out.</param>
    /// <param name="final">The last byte.</param>
    void Sequence(byte marker, ReadOnlySpan<int> parameters, byte final);
}

/// <summary>
/// Cuts a guest's output into characters and control functions, as ECMA-48 and the VT500 parser have it. Byte by byte, so it
/// does not matter how the output is cut into pieces. Strings (OSC, DCS, APC, PM, SOS) are passed over.
/// </summary>
/// <param name="terminal">Is told what to do.</param>
internal sealed class TerminalParser(ITerminal terminal)
{
    private const byte EscapeByte = 0x1b;
    private const int MaxParameters = 16;
    private const int MaxParameter = 9999;

    private readonly int[] _parameters = new int[MaxParameters];
    private readonly byte[] _partial = new byte[4];
    private int _partialLength;
    private int _parameterCount;
    private byte _marker;
    private byte _intermediate;
    private State _state;

    private enum State
    {
        Ground,
        Escape,
        Sequence,
        String,
    }

    internal void Feed(ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
            Take(value);
    }

    private void Take(byte value)
    {
        // CAN and SUB break off whatever is under way; ESC begins anew everywhere, and ends a string with the \ behind it.
        if (value is 0x18 or 0x1a)
        {
            _state = State.Ground;
            return;
        }

        if (value == EscapeByte)
        {
            FlushPartial();
            (_state, _intermediate) = (State.Escape, 0);
            return;
        }

        switch (_state)
        {
            case State.Ground:
                TakeText(value);
                break;
            case State.Escape:
                TakeEscape(value);
                break;
            case State.Sequence:
                TakeSequence(value);
                break;
            case State.String when value == 0x07:
                _state = State.Ground;
                break;
        }
    }

    private void TakeText(byte value)
    {
        if (value < 0x80)
        {
            FlushPartial();
            if (value >= 0x20 && value != 0x7f)
                terminal.Print(new Rune(value));
            else
                terminal.Control(value);
            return;
        }

        if (value >= 0xc0)
            FlushPartial();

        _partial[_partialLength++] = value;
        var status = Rune.DecodeFromUtf8(_partial.AsSpan(0, _partialLength), out var rune, out _);
        if (status == OperationStatus.NeedMoreData)
            return;

        _partialLength = 0;
        if (!Rune.IsControl(rune))
            terminal.Print(rune);
    }

    private void TakeEscape(byte value)
    {
        if (value < 0x20)
        {
            terminal.Control(value);
            return;
        }

        if (value <= 0x2f)
        {
            _intermediate = value;
            return;
        }

        _state = State.Ground;
        switch (value)
        {
            case (byte)'[' when _intermediate == 0:
                (_state, _parameterCount, _marker) = (State.Sequence, 0, 0);
                break;
            case (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_' when _intermediate == 0:
                _state = State.String;
                break;
            case >= 0x40 and <= 0x5f when _intermediate == 0:
                terminal.Control((byte)(value + 0x40));
                break;
            default:
                terminal.Escape(_intermediate, value);
                break;
        }
    }

    private void TakeSequence(byte value)
    {
        switch (value)
        {
            case < 0x20:
                terminal.Control(value);
                break;
            case >= (byte)'0' and <= (byte)'9':
                if (_parameterCount == 0)
                    AddParameter();
                ref var last = ref _parameters[_parameterCount - 1];
                last = Math.Min(MaxParameter, (Math.Max(0, last) * 10) + value - '0');
                break;
            case (byte)';' or (byte)':':
                if (_parameterCount == 0)
                    AddParameter();
                AddParameter();
                break;
            case >= (byte)'<' and <= (byte)'?':
                _marker = value;
                break;
            case <= 0x2f:
                _intermediate = value;
                break;
            case >= 0x40 and < 0x7f:
                _state = State.Ground;

                // With an intermediate it is another function, none of which changes what is to be read.
                if (_intermediate == 0)
                    terminal.Sequence(_marker, _parameters.AsSpan(0, _parameterCount), value);
                break;
        }
    }

    // Those beyond the last that there is room for are written over each other.
    private void AddParameter()
    {
        if (_parameterCount < MaxParameters)
            _parameterCount++;
        _parameters[_parameterCount - 1] = -1;
    }

    private void FlushPartial()
    {
        if (_partialLength == 0)
            return;

        _partialLength = 0;
        terminal.Print(Rune.ReplacementChar);
    }
}
