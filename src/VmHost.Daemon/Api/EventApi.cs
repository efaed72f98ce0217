using Grpc.Core;
using VmHost.Daemon.Api.Listing;
using VmHost.Machines;
using VmHost.Machines.Events;
using VmHost.Protocol.V1;

namespace VmHost.Daemon.Api;

internal sealed class EventApi(MachineRegistry machines, EventLog events, IHostApplicationLifetime lifetime)
    : EventService.EventServiceBase
{
    public override async Task WatchEvents(
        WatchEventsRequest request, IServerStreamWriter<WatchEventsResponse> responseStream, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var interval = RequestMapping.HeartbeatInterval(request);
        var filter = MachineFilter.Parse(request.SnapshotFilter, "snapshot_filter");
        var view = MachinePages.ViewOf(request.SnapshotView, "snapshot_view");
        HashSet<string> wanted = [.. request.Machines.Select(machine => machines.Get(machine).Snapshot.Id)];

        // Before the machines are looked at: what changes meanwhile comes as an event, too.
        var token = events.Token;
        var follow = !request.PastOnly;
        var source = request.StartCase switch
        {
            WatchEventsRequest.StartOneofCase.AfterToken => events.ReadAsync(request.AfterToken, follow, interval, stop.Token),
            WatchEventsRequest.StartOneofCase.Since => events.ReadSinceAsync(RequestMapping.Since(request), follow, interval, stop.Token),
            _ => events.ReadAsync(token, follow, interval, stop.Token),
        };

        await context.WriteResponseHeadersAsync([]);
        if (request.StartCase == WatchEventsRequest.StartOneofCase.None)
        {
            var shown = machines.List().Where(snapshot => (wanted.Count == 0 || wanted.Contains(snapshot.Id)) && filter.Matches(snapshot));
            await SendMachinesAsync(shown.Select(snapshot => MachineMapping.ToProto(snapshot, view)), token, responseStream, stop.Token);
        }
        else if (request.StartCase == WatchEventsRequest.StartOneofCase.AfterToken)
        {
            token = request.AfterToken;
        }

        await foreach (var happened in source.WithCancellation(stop.Token))
        {
            if (happened is null)
            {
                await responseStream.WriteAsync(new() { Token = token, Heartbeat = new() }, stop.Token);
                continue;
            }

            token = events.TokenOf(happened.Sequence);
            if (happened.MachineId is null || wanted.Count == 0 || wanted.Contains(happened.MachineId))
                await responseStream.WriteAsync(new() { Token = token, Event = EventMapping.ToProto(happened) }, stop.Token);
        }
    }

    private static async Task SendMachinesAsync(IEnumerable<Protocol.V1.Machine> shown, string token, IServerStreamWriter<WatchEventsResponse> stream, CancellationToken ct)
    {
        foreach (var machine in shown)
            await stream.WriteAsync(new() { Token = token, Machine = machine }, ct);

        await stream.WriteAsync(new() { Token = token, SnapshotEnd = new() }, ct);
    }
}
