namespace VmHost.Cli.Terminal;

/// <summary>
/// Removes from a guest's output what a terminal would obey: escape sequences as a whole (CSI, OSC, DCS and the like)
/// and control characters but tab, line feed and carriage return before a line feed. A state machine over bytes, so it
/// does not matter how the output is cut into pieces; UTF-8 text passes.
/// </summary>
internal sealed class ConsoleSanitizer
{
    private const byte Escape = 0x1b;
    private const byte Bell = 0x07;

    // A string sequence that does not end would hide everything behind it.
    private const int MaxStringSequence = 4096;

    private State _state;
    private int _length;
    private int _continuation;
    private bool _carriageReturn;
    private bool _afterC2;

    private enum State
    {
        Text,
        Escaped,
        Control,
        String,
        StringEscaped,
    }

    /// <summary>What of <paramref name="data"/> may be shown.</summary>
    internal byte[] Clean(ReadOnlySpan<byte> data)
    {
        var clean = new List<byte>(data.Length);
        foreach (var value in data)
            Take(value, clean);
        return [.. clean];
    }

    private void Take(byte value, List<byte> clean)
    {
        switch (_state)
        {
            case State.Escaped:
                _state = value switch
                {
                    (byte)'[' => State.Control,
                    (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_' => State.String,
                    >= 0x20 and <= 0x2f => State.Escaped,   // an intermediate: the final byte follows
                    Escape => State.Escaped,
                    _ => State.Text,
                };
                _length = 0;
                break;
            case State.Control:
                if (value == Escape)
                    _state = State.Escaped;
                else if (value is >= 0x40 and <= 0x7e || ++_length > MaxStringSequence)
                    _state = State.Text;
                break;
            case State.String:
                if (value == Escape)
                    _state = State.StringEscaped;
                else if (value == Bell || ++_length > MaxStringSequence)
                    _state = State.Text;
                break;
            case State.StringEscaped:
                _state = value == (byte)'\\' ? State.Text : value == Escape ? State.StringEscaped : State.String;
                break;
            default:
                TakeText(value, clean);
                break;
        }
    }

    private void TakeText(byte value, List<byte> clean)
    {
        if (_carriageReturn && value == (byte)'\n')
            clean.Add((byte)'\r');
        _carriageReturn = value == (byte)'\r';

        if (_continuation > 0 && value is >= 0x80 and <= 0xbf)
        {
            // U+0080 to U+009F are the C1 controls in UTF-8: C2 80 to C2 9F.
            if (_afterC2 && value > 0x9f)
                clean.Add(0xc2);
            if (!_afterC2 || value > 0x9f)
                clean.Add(value);
            _afterC2 = false;
            _continuation--;
            return;
        }

        _afterC2 = value == 0xc2;
        _continuation = value switch { >= 0xc2 and <= 0xdf => 1, >= 0xe0 and <= 0xef => 2, >= 0xf0 and <= 0xf4 => 3, _ => 0 };
        if (value == Escape)
            _state = State.Escaped;
        else if (value is (byte)'\n' or (byte)'\t' or (>= 0x20 and < 0x7f) || (_continuation > 0 && !_afterC2))
            clean.Add(value);
    }
}
