using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using VmHost.Consoles;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.Specs;
using ConsoleSize = VmHost.Consoles.ConsoleSize;

namespace VmHost.Daemon.Api;

/// <summary>
/// One AttachConsole call. Its parts run side by side: output to the client, requests from the client, input to the shim, and news of
/// the writer; a client that does not read, or a guest that does not, holds up only its own part.
/// </summary>
internal sealed class ConsoleAttachment
{
    // Input that the shim has not taken yet, in bytes. Beyond it no request of the client is read.
    private const int MaxPendingInput = 64 << 10;

    private readonly Machines.Machine _machine;
    private readonly ConsoleOpen _open;
    private readonly IAsyncStreamReader<AttachConsoleRequest> _requests;
    private readonly AttachmentResponses _responses;
    private readonly TimeProvider _time;
    private readonly OutputWindow _window;
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Continuations run in the thread that read the key: a key is worth no change of threads.
    private readonly Pipe _input = new(new PipeOptions(
        pauseWriterThreshold: MaxPendingInput, resumeWriterThreshold: MaxPendingInput / 2, readerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));

    private ConsoleInputLease? _lease;
    private long? _firstInput;
    private long _received;
    private long _end;

    /// <param name="machine">The machine.</param>
    /// <param name="open">The first request.</param>
    /// <param name="requests">Those that follow.</param>
    /// <param name="responses">To the client.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: a field of the first request.</exception>
    internal ConsoleAttachment(
        Machines.Machine machine,
        ConsoleOpen open,
        IAsyncStreamReader<AttachConsoleRequest> requests,
        IServerStreamWriter<AttachConsoleResponse> responses,
        TimeProvider time)
    {
        (_machine, _open, _requests, _time) = (machine, open, requests, time);
        _responses = new(responses, time);
        _window = new(AttachmentMapping.Window(open.WindowBytes));
    }

    private MachineConsole Console => _machine.Console;

    /// <summary>Returns when the machine has stopped and the client was told so.</summary>
    /// <exception cref="VmHostException">As AttachConsole's statuses.</exception>
    /// <exception cref="OperationCanceledException">The client is gone, or the daemon stops.</exception>
    internal async Task RunAsync(CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        if (!_open.ReadOnly)
            _lease = Console.Acquire(AttachmentMapping.ClientName(_open.ClientName), AttachmentMapping.Token(_open.Token), _open.Force);

        try
        {
            if (_lease is not null && _open.Size is { } size)
                await ResizeAsync(size, stop.Token);

            var output = SendOutputAsync(stop.Token);
            await Task.WhenAny(_attached.Task, output);
            await EndTogetherAsync(stop, output, ReceiveAsync(stop.Token), WriteInputAsync(stop.Token), ReportWriterAsync(stop.Token), _responses.ReportAcceptedAsync(stop.Token));
        }
        finally
        {
            if (_lease is not null)
                Console.Leases.Release(_lease);
        }

        var snapshot = _machine.Snapshot;
        await _responses.WriteAsync(
            new()
            {
                End = new()
                {
                    Offset = _end,
                    State = MachineMapping.ToProto(snapshot.State),
                    Exit = snapshot.LastExit is { } exit ? MachineMapping.ToProto(exit) : null,
                },
            },
            ct);
    }

    // Until the output has ended, or one of the others failed. All of them have ended when this returns, as gRPC demands.
    private static async Task EndTogetherAsync(CancellationTokenSource stop, Task output, params Task[] others)
    {
        var running = others.ToList();
        Task? first = null;
        while (first != output && first is not { IsCompletedSuccessfully: false })
        {
            first = await Task.WhenAny([output, .. running]);
            running.Remove(first);
        }

        await stop.CancelAsync();
        await Task.WhenAll([output, .. others]).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await first;
    }

    private Task SendOutputAsync(CancellationToken ct) =>
        new ConsoleReader(Console.Feed, _time).CopyAsync(
            new(AttachmentMapping.Start(_open), Follow: true),
            async chunk =>
            {
                if (!_attached.Task.IsCompleted)
                    await ReportAttachedAsync(chunk.Offset, ct);

                _end = chunk.Offset + chunk.Data.Length;
                if (chunk.Data.IsEmpty && chunk.GapBytes == 0)
                    return;

                // Not copied: the message is serialised before the write completes, and the chunk lives until then.
                await _window.WaitAsync(chunk.Offset, _end, ct);
                await _responses.WriteAsync(new() { Output = new() { Offset = chunk.Offset, Data = UnsafeByteOperations.UnsafeWrap(chunk.Data), GapBytes = chunk.GapBytes } }, ct);
            },
            ct);

    private async Task ReportAttachedAsync(long begin, CancellationToken ct)
    {
        _window.Begin(begin);
        var writer = Console.Leases.Current.Lease;
        await _responses.WriteAsync(
            new() { Attached = new() { Offset = begin, IsWriter = _lease is not null && writer == _lease, WriterName = writer is null || writer == _lease ? "" : writer.Holder } },
            ct);
        _attached.SetResult();
    }

    private async Task ReceiveAsync(CancellationToken ct)
    {
        while (await _requests.MoveNext(ct))
        {
            var request = _requests.Current;
            RequestSize.Check(request);
            switch (request.KindCase)
            {
                case AttachConsoleRequest.KindOneofCase.Input:
                    await TakeInputAsync(request.Input, ct);
                    break;
                case AttachConsoleRequest.KindOneofCase.Size:
                    AttachmentMapping.ThrowIfReadOnly(_open, "size");
                    await ResizeAsync(request.Size, ct);
                    break;
                case AttachConsoleRequest.KindOneofCase.Acknowledgement:
                    _window.Acknowledge(request.Acknowledgement.Offset);
                    break;
                default:
                    throw AttachmentMapping.NotInOrder(request);
            }
        }

        await _input.Writer.CompleteAsync();
    }

    private async Task TakeInputAsync(ConsoleInput input, CancellationToken ct)
    {
        AttachmentMapping.ThrowIfReadOnly(_open, "input");
        AttachmentMapping.Check(input, _firstInput is null ? null : _received);
        _firstInput ??= input.Offset;
        _received = input.Offset + input.Data.Length;
        await _input.Writer.WriteAsync(input.Data.Memory, ct);
    }

    private async Task WriteInputAsync(CancellationToken ct)
    {
        long? offset = null;
        while (await _input.Reader.ReadAsync(ct) is { Buffer: { IsEmpty: false } pending })
        {
            offset ??= _firstInput!.Value;
            await Console.WriteAsync(_lease!, offset.Value, pending.IsSingleSegment ? pending.First : pending.ToArray(), ct);
            offset += pending.Length;
            _input.Reader.AdvanceTo(pending.End);
            _responses.Accept(offset.Value);
        }
    }

    private async Task ResizeAsync(Protocol.V1.ConsoleSize size, CancellationToken ct)
    {
        try
        {
            await Console.ResizeAsync(new ConsoleSize(size.Columns, size.Rows), _lease, ct);
        }
        catch (VmHostException e) when (e.Error is VmHostError.FailedPrecondition or VmHostError.Aborted)
        {
            // The size is a convenience: a terminal that refuses it, or another writer, does not end the attachment.
        }
    }

    private async Task ReportWriterAsync(CancellationToken ct)
    {
        await _attached.Task.WaitAsync(ct);
        var (reported, changed) = Console.Leases.Current;
        while (true)
        {
            await changed.WaitAsync(ct);
            (var now, changed) = Console.Leases.Current;
            if (now == reported)
                continue;

            reported = now;
            await _responses.WriteAsync(new() { WriterChange = new() { IsWriter = now is not null && now == _lease, WriterName = now?.Holder ?? "" } }, ct);
        }
    }
}
