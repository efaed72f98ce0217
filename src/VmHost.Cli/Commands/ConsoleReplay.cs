using System.Globalization;
using System.Text;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>
/// What a console shows before it is live. Made harmless: a question in old output (where is the cursor?) would be answered by
/// the terminal, and the answer typed into the guest.
/// </summary>
/// <param name="daemon">That runs the machine.</param>
/// <param name="machine">The machine.</param>
/// <param name="recording">Gets what the terminal shows; null for none.</param>
internal sealed class ConsoleReplay(Connection daemon, Machine machine, Recording? recording)
{
    /// <summary>Shows the last lines.</summary>
    /// <returns>The offset at which the live output begins, without a gap or a repeat.</returns>
    internal async Task<long> LinesAsync(long lines, CancellationToken ct)
    {
        var sanitizer = new ConsoleSanitizer();
        var end = 0L;
        await foreach (var chunk in ConsoleCopy.Reader(daemon, wasReached: true).ReadAsync(new() { Machine = machine.Id, TailLines = lines }, ct))
        {
            end = chunk.Offset + chunk.Data.Length;
            Show(sanitizer.Clean(chunk.Data.Span).Span);
        }

        Show(sanitizer.Finish().Span);
        return end;
    }

    /// <summary>Paints what a terminal of this size would show, with the cursor where it is there.</summary>
    /// <returns>As <see cref="LinesAsync"/>.</returns>
    internal async Task<long> ScreenAsync(CancellationToken ct)
    {
        var request = new GetConsoleScreenRequest { Machine = machine.Id };
        if (TerminalSize.Now is { } size)
            (request.Columns, request.Rows) = (Math.Min(size.Columns, MaxSize), Math.Min(size.Rows, MaxSize));

        var screen = await daemon.Console.GetConsoleScreenAsync(request, cancellationToken: ct);
        Show(Encoding.UTF8.GetBytes(Picture(screen)));
        return screen.EndOffset;
    }

    // The most that a screen may be asked for.
    private const int MaxSize = 500;

    /// <summary>The rows up to the last that has something or the cursor, and the cursor's way back.</summary>
    internal static string Picture(GetConsoleScreenResponse screen)
    {
        var last = Math.Max(screen.CursorRow, screen.Lines.ToList().FindLastIndex(static line => line.Length > 0));
        var rows = screen.Lines.Take(last + 1).Select(Output.Visible).ToList();

        // Most of the time it is behind a prompt, whose last blank no row has.
        if (last == screen.CursorRow && screen.CursorColumn >= rows[last].Length)
            return string.Join("\r\n", rows[..last].Append(rows[last].PadRight(screen.CursorColumn)));

        var picture = new StringBuilder(string.Join("\r\n", rows)).Append('\r');
        if (last > screen.CursorRow)
            picture.Append(CultureInfo.InvariantCulture, $"\e[{last - screen.CursorRow}A");
        if (screen.CursorColumn > 0)
            picture.Append(CultureInfo.InvariantCulture, $"\e[{screen.CursorColumn}C");
        return picture.ToString();
    }

    private void Show(ReadOnlySpan<byte> harmless)
    {
        StandardStreams.Write(harmless);
        recording?.Output(harmless);
    }
}
