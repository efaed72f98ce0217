using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;
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
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var copies = new List<Task>();
        foreach (var source in selection.Sources)
        {
            var copy = CopyAsync(machine, source, stop.Token);
            if (selection.Follow)
                copies.Add(copy);
            else
                await copy;
        }

        // What happens to a machine has no end: it ends with the console, where that is followed too.
        if (copies.Count > 1)
        {
            await copies[^1];
            await stop.CancelAsync();
        }

        try
        {
            await Task.WhenAll(copies);
        }
        catch (Exception e) when (stop.IsCancellationRequested && !ct.IsCancellationRequested && e is OperationCanceledException or Grpc.Core.RpcException { StatusCode: Grpc.Core.StatusCode.Cancelled })
        {
            // Said above.
        }

        return machine;
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
            ConsoleCopy.TellGap(chunk);
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
        if (selection.Sources.Count == 1 && selection is not { Follow: false, TailLines: null, Since: null, Until: null, Boot: null })
            throw new CliException(ExitCodes.Usage, "what the hypervisor said in the last boot is shown as a whole, without --follow, --tail, --since, --until and --boot");

        var log = await daemon.Console.GetHypervisorLogAsync(new() { Machine = machine }, cancellationToken: ct);
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
