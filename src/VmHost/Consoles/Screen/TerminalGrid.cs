using System.Text;

namespace VmHost.Consoles.Screen;

/// <summary>
/// The cells of a terminal's screen and what moves them. Positions count from 0. Every character takes one cell: those that
/// terminals show twice as wide shift what follows them in their row.
/// </summary>
internal sealed class TerminalGrid
{
    private static readonly Rune Blank = new(' ');

    private Rune[][] _rows;

    internal TerminalGrid(int columns, int rows)
    {
        (Columns, Rows) = (columns, rows);
        _rows = [.. Enumerable.Range(0, rows).Select(_ => NewRow())];
        Bottom = rows - 1;
    }

    internal int Columns { get; }

    internal int Rows { get; }

    /// <summary>First row of the scrolling region.</summary>
    internal int Top { get; private set; }

    /// <summary>Last row of the scrolling region.</summary>
    internal int Bottom { get; private set; }

    /// <summary>What stands in a row, without the blanks at its end.</summary>
    internal string Text(int row)
    {
        var text = new StringBuilder(Columns);
        foreach (var rune in _rows[row])
            text.Append(rune.ToString());
        return text.ToString().TrimEnd(' ');
    }

    internal void Put(int column, int row, Rune rune) => _rows[row][column] = rune;

    internal void SetRegion(int top, int bottom) => (Top, Bottom) = (top, bottom);

    /// <summary>Makes cells blank, from one up to the one before <paramref name="end"/>.</summary>
    internal void Erase(int row, int begin, int end) => _rows[row].AsSpan(begin, end - begin).Fill(Blank);

    internal void EraseRows(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            Erase(row, 0, Columns);
    }

    /// <summary>Moves the rows of the region up, from <paramref name="top"/> on.</summary>
    internal void ScrollUp(int top, int count)
    {
        for (var i = 0; i < Math.Min(count, Bottom - top + 1); i++)
        {
            var first = _rows[top];
            Array.Copy(_rows, top + 1, _rows, top, Bottom - top);
            _rows[Bottom] = first;
            Erase(Bottom, 0, Columns);
        }
    }

    /// <summary>Moves the rows of the region down, from <paramref name="top"/> on.</summary>
    internal void ScrollDown(int top, int count)
    {
        for (var i = 0; i < Math.Min(count, Bottom - top + 1); i++)
        {
            var last = _rows[Bottom];
            Array.Copy(_rows, top, _rows, top + 1, Bottom - top);
            _rows[top] = last;
            Erase(top, 0, Columns);
        }
    }

    /// <summary>Makes room in a row; what leaves it at its end is gone.</summary>
    internal void Insert(int column, int row, int count)
    {
        count = Math.Min(count, Columns - column);
        var cells = _rows[row].AsSpan(column);
        cells[..^count].CopyTo(cells[count..]);
        Erase(row, column, column + count);
    }

    /// <summary>Takes cells out of a row; blanks come in at its end.</summary>
    internal void Delete(int column, int row, int count)
    {
        count = Math.Min(count, Columns - column);
        var cells = _rows[row].AsSpan(column);
        cells[count..].CopyTo(cells);
        Erase(row, Columns - count, Columns);
    }

    /// <summary>Changes what is shown for what <paramref name="other"/> has, and back.</summary>
    internal void Swap(TerminalGrid other) => (_rows, other._rows) = (other._rows, _rows);

    internal void Fill(Rune rune)
    {
        foreach (var row in _rows)
            row.AsSpan().Fill(rune);
    }

    private Rune[] NewRow()
    {
        var row = new Rune[Columns];
        row.AsSpan().Fill(Blank);
        return row;
    }
}
