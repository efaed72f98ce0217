using System.Globalization;
using System.Text;

namespace VmHost.Cli.Terminal;

/// <summary>
/// What a guest's output has switched on at the terminal that would be in a person's way after leaving: the alternate screen, a
/// hidden cursor, reports of the mouse, lines that do not scroll. It works byte by byte, so it does not matter how the output is cut into pieces.
/// Source: xterm's control sequences: DEC private modes (ESC [ ? N h and l), DECSTBM (ESC [ N ; N r).
/// </summary>
internal sealed class TerminalModes
{
    private const byte Escape = 0x1b;
    private const int Cursor = 25;
    private const int MaxParameter = 100_000;

    // In the order in which they are undone: the mouse, pastes and the cursor keys first, then the screen, the cursor last.
    private static readonly int[] Watched = [9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 2004, 1, 1049, 1047, 47];

    // A signal that ends vmctl has a thread of its own. Guards all that follow.
    private readonly Lock _lock = new();
    private readonly HashSet<int> _on = [];
    private readonly List<int> _parameters = [];
    private bool _cursorHidden;
    private bool _keypad;
    private bool _region;
    private State _state;

    private enum State
    {
        Text,
        Escaped,
        Control,
        Private,
    }

    /// <summary>Looks at what the terminal is shown.</summary>
    internal void Watch(ReadOnlySpan<byte> output)
    {
        lock (_lock)
        {
            // Most output has none.
            if (_state == State.Text && !output.Contains(Escape))
                return;

            foreach (var value in output)
                WatchLocked(value);
        }
    }

    /// <summary>What puts the terminal back; always with the plain colours, the usual letters, lines that wrap and no inserting.</summary>
    internal byte[] Undo()
    {
        lock (_lock)
        {
            var undo = new StringBuilder("\e[m\e(B\x0f\e[4l\e[?7h");

            // Without the cursor's going home, which it does with a new region.
            if (_region)
                undo.Append("\e7\e[r\e8");
            if (_keypad)
                undo.Append("\e>");
            foreach (var mode in Watched.Where(_on.Contains))
                undo.Append(CultureInfo.InvariantCulture, $"\e[?{mode}l");
            if (_cursorHidden)
                undo.Append("\e[?25h");
            return Encoding.ASCII.GetBytes(undo.ToString());
        }
    }

    private void WatchLocked(byte value)
    {
        if (value == Escape)
        {
            _state = State.Escaped;
            return;
        }

        switch (_state)
        {
            case State.Escaped:
                AfterEscapeLocked(value);
                break;
            case State.Control when value == (byte)'?':
                _state = State.Private;
                _parameters.Clear();
                _parameters.Add(0);
                break;
            case State.Control when value is (>= (byte)'0' and <= (byte)'9') or (byte)';':
                break;
            case State.Control:
                _region |= value == (byte)'r';
                _state = State.Text;
                break;
            case State.Private when value is >= (byte)'0' and <= (byte)'9':
                _parameters[^1] = Math.Min(MaxParameter, (_parameters[^1] * 10) + value - '0');
                break;
            case State.Private when value == (byte)';' && _parameters.Count < Watched.Length:
                _parameters.Add(0);
                break;
            case State.Private:
                SetLocked(value);
                _state = State.Text;
                break;
        }
    }

    private void AfterEscapeLocked(byte value)
    {
        _state = value == (byte)'[' ? State.Control : State.Text;
        if (value is (byte)'=' or (byte)'>')
            _keypad = value == (byte)'=';
        else if (value == (byte)'c')
            ResetLocked();
    }

    private void SetLocked(byte final)
    {
        if (final is not ((byte)'h' or (byte)'l'))
            return;

        foreach (var mode in _parameters)
        {
            if (mode == Cursor)
                _cursorHidden = final == (byte)'l';
            else if (final == (byte)'h')
                _on.Add(mode);
            else
                _on.Remove(mode);
        }
    }

    private void ResetLocked()
    {
        _on.Clear();
        (_cursorHidden, _keypad, _region) = (false, false, false);
    }
}
