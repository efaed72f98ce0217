using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using VmHost.Consoles;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

internal sealed class ConsoleApi(MachineRegistry machines, IHostApplicationLifetime lifetime, TimeProvider time)
    : ConsoleService.ConsoleServiceBase
{
    public override async Task ReadConsole(
        ReadConsoleRequest request, IServerStreamWriter<ReadConsoleResponse> responseStream, ServerCallContext context)
    {
        // Linked to the daemon's stop, or an open `vmctl logs -f` would hold it up.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var reader = new ConsoleReader(machines.Get(request.Machine).Console.Feed, time);

        // At once: a client that comes back learns that it is served, also while the guest is silent.
        await context.WriteResponseHeadersAsync([]);
        await reader.CopyAsync(RequestMapping.Selection(request), chunk => responseStream.WriteAsync(Response(chunk), stop.Token), stop.Token);
    }

    // Not copied: the message is serialised before the write completes, and the chunk lives until then.
    private static ReadConsoleResponse Response(ConsoleChunk chunk) =>
        new()
        {
            Offset = chunk.Offset,
            Data = UnsafeByteOperations.UnsafeWrap(chunk.Data),
            GapBytes = chunk.GapBytes,
            WriteTime = chunk.WrittenAt is { } time ? Timestamp.FromDateTimeOffset(time) : null,
            Boot = chunk.Boot,
        };

    public override async Task<ExpectConsoleResponse> ExpectConsole(ExpectConsoleRequest request, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var search = new ConsoleSearch(request.Pattern);
        var match = await machines.Get(request.Machine).Console.ExpectAsync(search, RequestMapping.Begin(request), waits: !request.PastOnly, stop.Token);
        return new ExpectConsoleResponse { Offset = match.Offset, Match = UnsafeByteOperations.UnsafeWrap(match.Data) };
    }

    public override async Task<WriteConsoleResponse> WriteConsole(WriteConsoleRequest request, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var end = await machines.Get(request.Machine).Console.WriteAsync(RequestMapping.Input(request), request.Force, stop.Token);
        return new WriteConsoleResponse { EndOffset = end };
    }

    public override async Task AttachConsole(
        IAsyncStreamReader<AttachConsoleRequest> requestStream, IServerStreamWriter<AttachConsoleResponse> responseStream, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        if (!await requestStream.MoveNext(stop.Token) || requestStream.Current is not { KindCase: AttachConsoleRequest.KindOneofCase.Open, Open: var open })
            throw VmHostException.ForFaults([new("open", "must be the first request")]);

        await new ConsoleAttachment(machines.Get(open.Machine), open, requestStream, responseStream, time, stop.Token).RunAsync();
    }

    public override async Task<ResizeConsoleResponse> ResizeConsole(ResizeConsoleRequest request, ServerCallContext context)
    {
        await machines.Get(request.Machine).Console.ResizeAsync(new(request.Columns, request.Rows), lease: null, context.CancellationToken);
        return new ResizeConsoleResponse();
    }

    public override Task<GetConsoleScreenResponse> GetConsoleScreen(GetConsoleScreenRequest request, ServerCallContext context)
    {
        var (screen, end) = machines.Get(request.Machine).Console.RenderScreen(
            request.HasColumns ? request.Columns : null, request.HasRows ? request.Rows : null);
        return Task.FromResult(new GetConsoleScreenResponse
        {
            Lines = { screen.Lines },
            CursorColumn = screen.CursorColumn,
            CursorRow = screen.CursorRow,
            EndOffset = end,
        });
    }

    public override Task<GetHypervisorLogResponse> GetHypervisorLog(GetHypervisorLogRequest request, ServerCallContext context) =>
        Task.FromResult(new GetHypervisorLogResponse { Data = UnsafeByteOperations.UnsafeWrap(machines.Get(request.Machine).Console.ReadHypervisorLog()) });
}
