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

    private static readonly TimeSpan ResizeLimit = TimeSpan.FromSeconds(2);

    private readonly Machines.Machine _machine;
    private readonly ConsoleOpen _open;
    private readonly IAsyncStreamReader<AttachConsoleRequest> _requests;
    private readonly AttachmentResponses _responses;
    private readonly TimeProvider _time;
    private readonly CancellationToken _callEnd;
    private readonly OutputWindow _window;
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Continuations run in the thread that read the key: a key is worth no change of threads.
    private readonly Pipe _input = new(new PipeOptions(
        pauseWriterThreshold: MaxPendingInput, resumeWriterThreshold: MaxPendingInput / 2, readerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));

    private ConsoleInputLease? _lease;
    private (ConsoleInputLease? Lease, Task Changed) _reportedWriter;
    private Task _resizing = Task.CompletedTask;
    private long? _firstInput;
    private long _received;
    private long _end;

    /// <param name="machine">The machine.</param>
    /// <param name="open">The first request.</param>
    /// <param name="requests">Those that follow.</param>
    /// <param name="responses">To the client.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">The end of the call.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: a field of the first request.</exception>
    internal ConsoleAttachment(
        Machines.Machine machine,
        ConsoleOpen open,
        IAsyncStreamReader<AttachConsoleRequest> requests,
        IServerStreamWriter<AttachConsoleResponse> responses,
        TimeProvider time,
        CancellationToken ct)
    {
        _callEnd = ct;
        (_machine, _open, _requests, _time) = (machine, open, requests, time);
        _responses = new(responses, time, ct);
        _window = new(AttachmentMapping.Window(open.WindowBytes));
    }

    private MachineConsole Console => _machine.Console;

    /// <summary>Returns when the machine has stopped and the client was told so.</summary>
    /// <exception cref="VmHostException">As AttachConsole's statuses.</exception>
    /// <exception cref="OperationCanceledException">The client is gone, or the daemon stops.</exception>
    internal async Task RunAsync()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_callEnd);
        if (!_open.ReadOnly)
            _lease = Console.Acquire(AttachmentMapping.ClientName(_open.ClientName), AttachmentMapping.Token(_open.Token), _open.Force);

        try
        {
            if (_lease is not null && _open.Size is { } size)
                Resize(size);

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
            _callEnd);
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

                await SendAsync(chunk, ct);
            },
            ct);

    private async Task SendAsync(ConsoleChunk chunk, CancellationToken ct)
    {
        var (offset, gap, data) = (chunk.Offset, chunk.GapBytes, chunk.Data);
        if (gap > 0)
            await _window.PassGapAsync(offset - gap, offset, ct);

        while (!data.IsEmpty || gap > 0)
        {
            var part = data[..Math.Min(data.Length, _window.MaxPart)];
            await _window.WaitAsync(offset, offset + part.Length, ct);

            // Not copied: the message is serialised before the write completes, and the chunk lives until then.
            await _responses.WriteAsync(new() { Output = new() { Offset = offset, Data = UnsafeByteOperations.UnsafeWrap(part), GapBytes = gap } }, ct);
            (offset, gap, data) = (offset + part.Length, 0, data[part.Length..]);
        }

        _end = offset;
    }

    private async Task ReportAttachedAsync(long begin, CancellationToken ct)
    {
        _window.Begin(begin);
        _reportedWriter = Console.Leases.Current;
        var writer = _reportedWriter.Lease;
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
                    Resize(request.Size);
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

    // One after the other, beside the stream: a shim that hangs holds up nothing else.
    private void Resize(Protocol.V1.ConsoleSize asked)
    {
        var size = new ConsoleSize(asked.Columns, asked.Rows);
        size.ThrowIfOutOfRange();
        _resizing = ResizeAsync(_resizing, size);
    }

    private async Task ResizeAsync(Task before, ConsoleSize size)
    {
        await before;
        using var limit = new CancellationTokenSource(ResizeLimit, _time);
        try
        {
            await Console.ResizeAsync(size, _lease, limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or VmHostException { Error: VmHostError.FailedPrecondition or VmHostError.Aborted })
        {
            // The size is a convenience: a terminal that refuses it, or another writer, does not end the attachment.
        }
    }

    private async Task ReportWriterAsync(CancellationToken ct)
    {
        await _attached.Task.WaitAsync(ct);
        var (reported, changed) = _reportedWriter;
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
