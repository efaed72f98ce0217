using Google.Protobuf;
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
        var reader = new ConsoleReader(machines.Get(request.Machine).Console, time);

        // At once: a client that comes back learns that it is served, also while the guest is silent.
        await context.WriteResponseHeadersAsync([]);
        await foreach (var chunk in reader.ReadAsync(RequestMapping.Start(request), request.Follow, stop.Token))
        {
            // Not copied: the message is serialised before the write completes, and the chunk lives until then.
            var data = UnsafeByteOperations.UnsafeWrap(chunk.Data);
            await responseStream.WriteAsync(
                new ReadConsoleResponse { Offset = chunk.Offset, Data = data, GapBytes = chunk.GapBytes }, stop.Token);
        }
    }

    public override async Task<ExpectConsoleResponse> ExpectConsole(ExpectConsoleRequest request, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var machine = machines.Get(request.Machine);
        var search = new ConsoleSearch(request.Pattern);
        var offset = request.HasOffset ? request.Offset : machine.BootConsoleBegin;
        var match = await search.FindAsync(new ConsoleReader(machine.Console, time), offset, stop.Token)
            ?? throw new VmHostException(VmHostError.FailedPrecondition, $"machine {machine.Snapshot.Name} does not run, and nothing that it wrote from offset {offset} on matches");
        return new ExpectConsoleResponse { Offset = match.Offset, Match = UnsafeByteOperations.UnsafeWrap(match.Data) };
    }

    public override async Task<WriteConsoleResponse> WriteConsole(WriteConsoleRequest request, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await machines.Get(request.Machine).WriteConsoleAsync(RequestMapping.Input(request), stop.Token);
        return new WriteConsoleResponse();
    }
}
