// Uses VmHost's API by VmHost.Client: VmHost.ClientProgram SOCKET PREFIX.
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;

const string Name = "dotnet-client";

using var channel = VmHostChannel.Open(new VmHostAddress(args[0]));
var machines = new MachineService.MachineServiceClient(channel);
var console = new ConsoleService.ConsoleServiceClient(channel);
var events = new EventService.EventServiceClient(channel);
using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
var ct = limit.Token;

await foreach (var machine in ListAsync())
    Require(machine.Name != Name, machine);
Console.WriteLine("list");

var spec = new MachineSpec { Boot = new() { TriplePrefix = args[1] } };
var run = await machines.RunMachineAsync(new() { Name = Name, Spec = spec, Labels = { ["language"] = "dotnet" } }, cancellationToken: ct);
Require(run.Machine.State == MachineState.Running, run);
Console.WriteLine("run");

await ReadToAsync("fakehv ready");
Console.WriteLine("read");

var written = await console.WriteConsoleAsync(new() { Machine = Name, Data = ByteString.CopyFromUtf8("hello\n") }, cancellationToken: ct);
Console.WriteLine("write");

var match = await console.ExpectConsoleAsync(new() { Machine = Name, Pattern = "hel+o", AfterWrite = written.EndOffset }, cancellationToken: ct);
Require(match.Match.ToStringUtf8() == "hello" && match.Offset >= written.EndOffset, match);
Console.WriteLine("expect");

await AttachAsync();
Console.WriteLine("attach");

var kinds = new List<EventKind>();
using (var watch = events.WatchEvents(new() { Since = new Timestamp(), Machines = { Name }, PastOnly = true }, cancellationToken: ct))
{
    await foreach (var message in watch.ResponseStream.ReadAllAsync(ct))
        kinds.Add(message.Event?.Kind ?? EventKind.Unspecified);
}

Require(kinds.Contains(EventKind.MachineCreated), string.Join(' ', kinds));
Console.WriteLine("events");

var refused = await ErrorOfAsync(() => machines.RunMachineAsync(new() { Name = "-", Spec = spec }, cancellationToken: ct).ResponseAsync);
var status = refused.GetRpcStatus();
Require(refused.StatusCode == StatusCode.InvalidArgument && status?.GetDetail<BadRequest>()?.FieldViolations[0].Field == "name", refused);
Require(status?.GetDetail<ErrorInfo>()?.Reason == "INVALID_FIELD", refused);
Console.WriteLine("error details");

var halted = await machines.HaltMachineAsync(new() { Machine = Name }, cancellationToken: ct);
Require(halted.Machine.State == MachineState.Stopped, halted);
Console.WriteLine("halt");

await machines.DeleteMachineAsync(new() { Machine = Name }, cancellationToken: ct);
var gone = await ErrorOfAsync(() => machines.GetMachineAsync(new() { Machine = Name }, cancellationToken: ct).ResponseAsync);
Require(gone.StatusCode == StatusCode.NotFound, gone);
Console.WriteLine("delete");

async IAsyncEnumerable<Machine> ListAsync()
{
    var request = new ListMachinesRequest { PageSize = 2 };
    do
    {
        var page = await machines.ListMachinesAsync(request, cancellationToken: ct);
        foreach (var machine in page.Machines)
            yield return machine;
        request.PageToken = page.NextPageToken;
    }
    while (request.PageToken.Length > 0);
}

async Task ReadToAsync(string marker)
{
    var output = new StringBuilder();
    await foreach (var chunk in new ResumingConsole(console, TimeProvider.System).ReadAsync(new() { Machine = Name, Offset = 0, Follow = true }, ct))
    {
        output.Append(Encoding.Latin1.GetString(chunk.Data.Span));
        if (output.ToString().Contains(marker, StringComparison.Ordinal))
            return;
    }

    throw new InvalidOperationException($"the console ended without {marker}: {output}");
}

// Types as a person at a terminal does. It would go on over a restart of the daemon, without losing or repeating a key.
async Task AttachAsync()
{
    await using var attachment = await ConsoleAttachment.OpenAsync(console, new(Name, "dotnet client"), TimeProvider.System, ct);
    Require(attachment.IsWriter, "another client is the writer");
    await attachment.WriteAsync("attached\n"u8.ToArray(), ct);
    var output = new StringBuilder();
    await foreach (var response in attachment.ReadAsync(ct))
    {
        output.Append(response.Output?.Data.ToString(Encoding.Latin1));
        if (output.ToString().Contains("attached", StringComparison.Ordinal))
            return;
    }

    throw new InvalidOperationException($"the console ended: {output}");
}

static async Task<RpcException> ErrorOfAsync(Func<Task> call)
{
    try
    {
        await call();
    }
    catch (RpcException e)
    {
        return e;
    }

    throw new InvalidOperationException("the call succeeded");
}

static void Require(bool holds, object found)
{
    if (!holds)
        throw new InvalidOperationException($"unexpected: {found}");
}
