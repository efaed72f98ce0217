using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Copies machines' logs: what their guests wrote, what their hypervisors said, what happened to them.</summary>
/// <param name="daemon">That runs them.</param>
/// <param name="selection">What of them.</param>
/// <param name="layout">How it looks.</param>
/// <param name="sink">Where to.</param>
internal sealed class MachineLogs(Connection daemon, LogSelection selection, LogLayout layout, LogSink sink)
{
    /// <summary>One machine's, to its end where it is followed.</summary>
    /// <returns>The machine's name.</returns>
    internal async Task<string> CopyAsync(string machine, CancellationToken ct)
    {
        if (!selection.Follow)
        {
            foreach (var source in selection.Sources)
                await CopyAsync(machine, source, ct);
            return machine;
        }

        // What happens to a machine has no end: where several are followed, all end with the last of them, the console.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var others = selection.Sources.SkipLast(1).Select(source => UntilCalledOffAsync(CopyAsync(machine, source, stop.Token), stop.Token)).ToList();
        try
        {
            await CopyAsync(machine, selection.Sources[^1], ct);
        }
        finally
        {
            await stop.CancelAsync();
        }

        await Task.WhenAll(others);
        return machine;
    }

    private static async Task UntilCalledOffAsync(Task copy, CancellationToken stop)
    {
        try
        {
            await copy;
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            // As its name says.
        }
    }

    private Task CopyAsync(string machine, string source, CancellationToken ct)
    {
        var label = (layout.Names, layout.Sources) switch
        {
            (true, true) => $"{machine}/{source} | ",
            (true, false) => $"{machine} | ",
            (false, true) => $"{source} | ",
            _ => "",
        };
        var printer = new LogPrinter(layout, label, sink);
        return source switch
        {
            "hypervisor" => CopyHypervisorLogAsync(machine, printer, ct),
            "events" => CopyEventsAsync(machine, printer, ct),
            _ => CopyConsoleAsync(machine, printer, ct),
        };
    }

    private async Task CopyConsoleAsync(string machine, LogPrinter printer, CancellationToken ct)
    {
        var request = new ReadConsoleRequest
        {
            Machine = machine,
            Follow = selection.Follow,

            // Where the boots' borders are matters to a person; a program gets the bytes as fast as they can be sent.
            WithTimes = layout.ByLine || selection.Follow || sink.IsTerminal,
        };
        if (selection.TailLines is { } lines)
            request.TailLines = lines;
        if (selection.Since is { } since)
            request.Since = Timestamp.FromDateTimeOffset(since);
        if (selection.Until is { } until)
            request.Until = Timestamp.FromDateTimeOffset(until);
        if (selection.Boot is { } asked)
            request.Boot = asked;

        var boot = 0;
        await foreach (var chunk in ConsoleCopy.Reader(daemon).ReadAsync(request, ct))
        {
            sink.Open();

            // The line before a gap has lost its end, and the one behind it its begin.
            if (chunk.GapBytes > 0)
                printer.Finish();
            ConsoleCopy.TellGap(chunk.GapBytes);
            if (boot > 0 && chunk.Boot > boot)
            {
                printer.Finish();
                Output.Note(string.Create(CultureInfo.InvariantCulture, $"--- {machine}: boot {chunk.Boot}, {chunk.WrittenAt?.ToLocalTime():yyyy-MM-dd HH:mm:ss} ---"));
            }

            boot = Math.Max(boot, chunk.Boot);
            printer.Write(chunk.Data.Span, chunk.WrittenAt);
        }

        printer.Finish();
    }

    private async Task CopyHypervisorLogAsync(string machine, LogPrinter printer, CancellationToken ct)
    {
        var log = await daemon.Console.GetHypervisorLogAsync(new() { Machine = machine }, cancellationToken: ct);
        sink.Open();
        printer.Write(log.Data.Span, null);
        printer.Finish();
    }

    private async Task CopyEventsAsync(string machine, LogPrinter printer, CancellationToken ct)
    {
        var request = new WatchEventsRequest
        {
            Machines = { machine },
            PastOnly = !selection.Follow,
            Since = Timestamp.FromDateTimeOffset(selection.Since ?? DateTimeOffset.UnixEpoch),
        };
        var events = new ResumingEvents(daemon.Events, TimeProvider.System);
        await foreach (var response in events.ReadAsync(request, ct))
        {
            sink.Open();
            if (response.Event is not { MachineId.Length: > 0 } happened)
                continue;

            var time = happened.Time.ToDateTimeOffset();
            if (time >= selection.Until)
                return;

            // Without a time of its own where every line gets one.
            var line = layout.Timestamps ? EventsCommand.What(happened) : EventsCommand.Line(happened);
            printer.Write(Encoding.UTF8.GetBytes(Output.Visible(line) + "\n"), time);
        }
    }
}
