namespace VmHost.Cli.Terminal;

/// <summary>Columns as docker and ps print them: never cut, never wrapped, two spaces apart, no trailing blanks.</summary>
internal static class Table
{
    private const string Gap = "  ";

    internal static IEnumerable<string> Lines(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        IReadOnlyList<string>[] all = [header, .. rows.Select(row => (IReadOnlyList<string>)[.. row.Select(Output.Visible)])];
        var widths = Enumerable.Range(0, header.Count).Select(column => all.Max(row => row[column].Length)).ToArray();
        return all.Select(row => string.Join(Gap, row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }
}
