using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class EventsCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines(optional: true);
        var since = new Option<string?>("--since") { Description = "Begin with what happened since then: 10m, 2h, or a time", HelpName = "TIME" };
        var noFollow = new Option<bool>("--no-follow") { Description = "End with what has happened so far" };
        var command = new Command("events", "Show what happens to machines, as it happens (-o json: an object a line)") { machines, since, noFollow };
        command.SetAction(async (parsed, ct) =>
        {
            var request = new WatchEventsRequest { Machines = { parsed.GetValue(machines) }, PastOnly = parsed.GetValue(noFollow) };
            if (parsed.GetValue(since) is { } text)
                request.Since = Timestamp.FromDateTimeOffset(TimeSyntax.Parse("--since", text, TimeProvider.System.GetUtcNow()));
            else if (request.PastOnly)
                request.Since = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch);

            using var daemon = Connection.Open(parsed);
            var events = new ResumingEvents(daemon.Events, TimeProvider.System)
            {
                OnInterrupted = () => Output.Error("the daemon went away; waiting for it (machines go on)"),
            };
            await foreach (var response in events.ReadAsync(request, ct))
            {
                // How machines are now is for those who keep a picture of it; ls shows it to people.
                if (response.Event is not { } happened)
                    continue;

                if (CommonOptions.IsYaml(parsed))
                    Output.Line($"---\n{YamlText.FromJson(MachineJson.LineOf(EventView.Of(happened, response.Token)))}");
                else if (CommonOptions.IsStructured(parsed))
                    Output.Line(MachineJson.LineOf(EventView.Of(happened, response.Token)));
                else
                    Output.VisibleLine(Line(happened));
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>When it happened and what.</summary>
    internal static string Line(Event happened)
    {
        var time = happened.Time.ToDateTimeOffset().ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        return $"{time} {What(happened)}";
    }

    internal static string What(Event happened)
    {
        var name = happened.MachineName.Length > 0 ? $"{happened.MachineName} " : "";
        var detail = happened.Detail.Length > 0 ? $" ({happened.Detail})" : "";
        return $"{name}{Describe.EventKind(happened)}{detail}";
    }
}
