using System.Text;
using VmHost.ShimContract.Journal;

namespace VmHost.Consoles.Screen;

/// <summary>
/// What a terminal on a serial line would show: a VT220 as Linux's console programs expect it, without colours and without
/// ever answering the guest.
/// </summary>
public sealed class ConsoleScreen : ITerminal
{
    /// <summary>The most columns or rows.</summary>
    public const int MaxSize = 500;

    // Far more than a screen; what a full-screen program draws in that much, it has drawn anew. With the size it bounds what a
    // guest can cost that does nothing but clear its screen.
    private const int ReadBytes = 128 << 10;

    private const int TabWidth = 8;

    // DEC's special graphics, from '`' to '~'.
    private const string LineDrawing = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·";

    private readonly TerminalGrid _grid;
    private readonly TerminalGrid _alternate;
    private readonly TerminalParser _parser;
    private bool _onAlternate;
    private bool _wraps = true;
    private bool _originInRegion;
    private bool _lineDrawing;

    // A character was put into the last column: the next one goes to the next row.
    private bool _wrapPending;
    private (int Column, int Row, bool LineDrawing) _saved;
    private Rune _lastPrinted = new(' ');

    /// <summary>An empty screen.</summary>
    /// <param name="columns">1 to <see cref="MaxSize"/>.</param>
    /// <param name="rows">1 to <see cref="MaxSize"/>.</param>
    public ConsoleScreen(int columns, int rows)
    {
        _grid = new(columns, rows);
        _alternate = new(columns, rows);
        _parser = new(this);
    }

    /// <summary>Where the next character goes, from 0.</summary>
    public int CursorColumn { get; private set; }

    /// <summary>Where the next character goes, from 0.</summary>
    public int CursorRow { get; private set; }

    /// <summary>The rows from the top, without blanks at their ends.</summary>
    public IEnumerable<string> Lines => Enumerable.Range(0, _grid.Rows).Select(_grid.Text);

    /// <summary>What a screen of the usual size shows of some output: its rows, without empty ones at the end.</summary>
    public static IReadOnlyList<string> LinesOf(ReadOnlySpan<byte> output)
    {
        var screen = new ConsoleScreen(ConsoleSize.Default.Columns, ConsoleSize.Default.Rows);
        screen.Feed(output);
        var lines = screen.Lines.ToList();
        return lines[..(lines.FindLastIndex(static line => line.Length > 0) + 1)];
    }

    /// <summary>Shows the end of what stands between two offsets of a journal.</summary>
    /// <param name="directory">The journal's; may be missing.</param>
    /// <param name="begin">A boot's begin.</param>
    /// <param name="end">Behind the last byte.</param>
    /// <exception cref="IOException">The journal cannot be read.</exception>
    public void Show(string directory, long begin, long end)
    {
        if (!Directory.Exists(directory))
            return;

        var from = Math.Max(begin, end - ReadBytes);
        using var reader = new JournalReader(directory, from);
        var buffer = new byte[64 << 10];
        while (reader.Position < end && reader.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - reader.Position))) is { Count: > 0 } read)
            Feed(buffer.AsSpan(0, read.Count));
    }

    /// <summary>Shows more output.</summary>
    public void Feed(ReadOnlySpan<byte> output) => _parser.Feed(output);

    void ITerminal.Print(Rune rune)
    {
        if (_lineDrawing && rune.Value is >= '`' and <= '~')
            rune = new Rune(LineDrawing[rune.Value - '`']);

        if (_wrapPending && _wraps)
        {
            CursorColumn = 0;
            LineFeed();
        }

        _grid.Put(CursorColumn, CursorRow, rune);
        _lastPrinted = rune;
        if (CursorColumn == _grid.Columns - 1)
            _wrapPending = true;
        else
            CursorColumn++;
    }

    void ITerminal.Control(byte control)
    {
        switch (control)
        {
            case (byte)'\b':
                MoveTo(CursorColumn - 1, CursorRow);
                break;
            case (byte)'\t':
                MoveTo((CursorColumn / TabWidth * TabWidth) + TabWidth, CursorRow);
                break;
            case (byte)'\n' or 0x0b or 0x0c or 0x84:
                LineFeed();
                break;
            case (byte)'\r':
                MoveTo(0, CursorRow);
                break;
            case 0x85:
                CursorColumn = 0;
                LineFeed();
                break;
            case 0x8d:
                ReverseLineFeed();
                break;
        }
    }

    void ITerminal.Escape(byte intermediate, byte final)
    {
        switch ((intermediate, final))
        {
            case (0, (byte)'7'):
                _saved = (CursorColumn, CursorRow, _lineDrawing);
                break;
            case (0, (byte)'8'):
                MoveTo(_saved.Column, _saved.Row);
                _lineDrawing = _saved.LineDrawing;
                break;
            case (0, (byte)'c'):
                Reset();
                break;
            case ((byte)'#', (byte)'8'):
                _grid.Fill(new Rune('E'));
                break;
            case ((byte)'(', _):
                _lineDrawing = final == (byte)'0';
                break;
        }
    }

    void ITerminal.Sequence(byte marker, ReadOnlySpan<int> parameters, byte final)
    {
        if (marker == (byte)'?' && final is (byte)'h' or (byte)'l')
            SetModes(parameters, final == (byte)'h');
        if (marker != 0)
            return;

        // A count that is left out, or 0, is 1.
        var first = parameters.Length > 0 ? parameters[0] : -1;
        var count = Math.Max(1, first);
        var second = parameters.Length > 1 ? Math.Max(1, parameters[1]) : 1;
        switch (final)
        {
            case (byte)'A':
                MoveTo(CursorColumn, Math.Max(CursorRow - count, CursorRow >= _grid.Top ? _grid.Top : 0));
                break;
            case (byte)'B' or (byte)'e':
                MoveTo(CursorColumn, Math.Min(CursorRow + count, CursorRow <= _grid.Bottom ? _grid.Bottom : _grid.Rows - 1));
                break;
            case (byte)'C' or (byte)'a':
                MoveTo(CursorColumn + count, CursorRow);
                break;
            case (byte)'D':
                MoveTo(CursorColumn - count, CursorRow);
                break;
            case (byte)'E':
                MoveTo(0, CursorRow + count);
                break;
            case (byte)'F':
                MoveTo(0, CursorRow - count);
                break;
            case (byte)'G' or (byte)'`':
                MoveTo(count - 1, CursorRow);
                break;
            case (byte)'d':
                MoveTo(CursorColumn, Origin + count - 1);
                break;
            case (byte)'H' or (byte)'f':
                MoveTo(second - 1, Origin + count - 1);
                break;
            case (byte)'r':
                SetRegion(count - 1, parameters.Length > 1 && parameters[1] > 0 ? parameters[1] - 1 : _grid.Rows - 1);
                break;
            case (byte)'s':
                _saved = (CursorColumn, CursorRow, _lineDrawing);
                break;
            case (byte)'u':
                MoveTo(_saved.Column, _saved.Row);
                break;
            default:
                Change(final, first, count);
                break;
        }
    }

    private int Origin => _originInRegion ? _grid.Top : 0;

    // The functions that change cells and leave the cursor where it is.
    private void Change(byte final, int first, int count)
    {
        switch (final)
        {
            case (byte)'J':
                EraseScreen(first);
                break;
            case (byte)'K':
                EraseLine(first);
                break;
            case (byte)'@':
                _grid.Insert(CursorColumn, CursorRow, count);
                break;
            case (byte)'P':
                _grid.Delete(CursorColumn, CursorRow, count);
                break;
            case (byte)'X':
                _grid.Erase(CursorRow, CursorColumn, Math.Min(_grid.Columns, CursorColumn + count));
                break;
            case (byte)'L' when InRegion:
                _grid.ScrollDown(CursorRow, count);
                break;
            case (byte)'M' when InRegion:
                _grid.ScrollUp(CursorRow, count);
                break;
            case (byte)'S':
                _grid.ScrollUp(_grid.Top, count);
                break;
            case (byte)'T':
                _grid.ScrollDown(_grid.Top, count);
                break;
            case (byte)'b':
                // Programs repeat within a line; a guest that repeats for ever is not followed.
                for (var i = 0; i < Math.Min(count, _grid.Columns); i++)
                    ((ITerminal)this).Print(_lastPrinted);
                break;
        }
    }

    private bool InRegion => CursorRow >= _grid.Top && CursorRow <= _grid.Bottom;

    private void SetModes(ReadOnlySpan<int> modes, bool on)
    {
        foreach (var mode in modes)
        {
            switch (mode)
            {
                case 6:
                    _originInRegion = on;
                    MoveTo(0, Origin);
                    break;
                case 7:
                    _wraps = on;
                    break;
                case 47 or 1047 or 1049 when on != _onAlternate:
                    _grid.Swap(_alternate);
                    _onAlternate = on;
                    if (mode == 1049 && on)
                        _saved = (CursorColumn, CursorRow, _lineDrawing);
                    if (on)
                        _grid.EraseRows(0, _grid.Rows);
                    if (mode == 1049 && !on)
                        MoveTo(_saved.Column, _saved.Row);
                    break;
            }
        }
    }

    private void EraseScreen(int what)
    {
        switch (what)
        {
            case -1 or 0:
                EraseLine(0);
                _grid.EraseRows(CursorRow + 1, _grid.Rows);
                break;
            case 1:
                EraseLine(1);
                _grid.EraseRows(0, CursorRow);
                break;
            case 2 or 3:
                _grid.EraseRows(0, _grid.Rows);
                break;
        }
    }

    private void EraseLine(int what)
    {
        switch (what)
        {
            case -1 or 0:
                _grid.Erase(CursorRow, CursorColumn, _grid.Columns);
                break;
            case 1:
                _grid.Erase(CursorRow, 0, CursorColumn + 1);
                break;
            case 2:
                _grid.Erase(CursorRow, 0, _grid.Columns);
                break;
        }
    }

    private void SetRegion(int top, int bottom)
    {
        bottom = Math.Min(bottom, _grid.Rows - 1);
        if (top >= bottom)
            return;

        _grid.SetRegion(top, bottom);
        MoveTo(0, Origin);
    }

    private void Reset()
    {
        if (_onAlternate)
        {
            _grid.Swap(_alternate);
            _onAlternate = false;
        }

        _alternate.EraseRows(0, _alternate.Rows);
        _grid.EraseRows(0, _grid.Rows);
        _grid.SetRegion(0, _grid.Rows - 1);
        (_wraps, _originInRegion, _lineDrawing, _saved) = (true, false, false, default);
        MoveTo(0, 0);
    }

    private void LineFeed()
    {
        _wrapPending = false;
        if (CursorRow == _grid.Bottom)
            _grid.ScrollUp(_grid.Top, 1);
        else if (CursorRow < _grid.Rows - 1)
            CursorRow++;
    }

    private void ReverseLineFeed()
    {
        _wrapPending = false;
        if (CursorRow == _grid.Top)
            _grid.ScrollDown(_grid.Top, 1);
        else if (CursorRow > 0)
            CursorRow--;
    }

    private void MoveTo(int column, int row)
    {
        CursorColumn = Math.Clamp(column, 0, _grid.Columns - 1);
        CursorRow = Math.Clamp(row, 0, _grid.Rows - 1);
        _wrapPending = false;
    }
}
