using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>What to attach to.</summary>
/// <param name="Machine">Name or id.</param>
/// <param name="ClientName">Name of the caller, shown to other clients: 1 to 128 bytes. Not used if read-only.</param>
public sealed record ConsoleAttachmentOptions(string Machine, string ClientName)
{
    /// <summary>Offset where the output begins; null for output written from now on.</summary>
    public long? Offset { get; init; }

    /// <summary>Receive output only.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Become the writer also if another client is.</summary>
    public bool Force { get; init; }

    /// <summary>Size of the caller's terminal; null for none.</summary>
    public ConsoleSize? Size { get; init; }

    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Reconnection.DefaultLimit;

    /// <summary>Called when the daemon went away and is waited for.</summary>
    public Action? OnInterrupted { get; init; }
}

/// <summary>
/// A terminal on a machine's console. It resumes after a restart of the daemon: no output is lost or repeated, and neither is input.
/// </summary>
public sealed class ConsoleAttachment : IAsyncDisposable
{
    private readonly ConsoleService.ConsoleServiceClient _console;
    private readonly ConsoleAttachmentOptions _options;
    private readonly TimeProvider _time;
    private readonly ConsoleOpen _open;
    private readonly PendingInput _input = new();
    private readonly CancellationTokenSource _stop = new();

    // Of the connection in use. Replaced by the one who reads.
    private AsyncDuplexStreamingCall<AttachConsoleRequest, AttachConsoleResponse>? _call;
    private Task _sending = Task.CompletedTask;
    private CancellationTokenSource? _stopSending;

    // Guards _newSize, which Resize sets and the sender sends, and _open.Size.
    private readonly Lock _sizeLock = new();
    private ConsoleSize? _newSize;

    // Wakes the sender, in the thread of the one who types.
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true, AllowSynchronousContinuations = true });

    private ConsoleAttachment(ConsoleService.ConsoleServiceClient console, ConsoleAttachmentOptions options, TimeProvider time)
    {
        (_console, _options, _time) = (console, options, time);
        _open = new() { Machine = options.Machine, ReadOnly = options.ReadOnly, Force = options.Force, Size = options.Size };
        if (options.Offset is { } offset)
            _open.Offset = offset;
        if (!options.ReadOnly)
            (_open.ClientName, _open.Token) = (options.ClientName, Guid.NewGuid().ToString("N"));
    }

    /// <summary>Offset where the output began.</summary>
    public long Begin { get; private set; }

    /// <summary>Whether the caller is the writer; false once another client took the input.</summary>
    public bool IsWriter { get; private set; }

    /// <summary>Attaches. A daemon that is being restarted is waited for.</summary>
    /// <param name="console">The service.</param>
    /// <param name="options">What to attach to.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="RpcException">As AttachConsole; ABORTED: another client is the writer.</exception>
    public static async Task<ConsoleAttachment> OpenAsync(
        ConsoleService.ConsoleServiceClient console, ConsoleAttachmentOptions options, TimeProvider time, CancellationToken ct)
    {
        var attachment = new ConsoleAttachment(console, options, time);
        try
        {
            var attached = await Reconnection.UntilReachedAsync(attachment.ConnectAsync, options.GiveUpAfter, time, ct);
            (attachment.Begin, attachment.IsWriter) = (attached.Offset, attached.IsWriter);
            attachment._open.Force = false;   // a client that resumes takes the input from no other
            return attachment;
        }
        catch
        {
            await attachment.DisposeAsync();
            throw;
        }
    }

    /// <summary>Output, changes of the writer, and the end, after which nothing follows. Once an attachment.</summary>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="RpcException">As AttachConsole; UNAVAILABLE when the daemon did not come back in time.</exception>
    public async IAsyncEnumerable<AttachConsoleResponse> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        while (true)
        {
            AttachConsoleResponse? response;
            try
            {
                response = await _call!.ResponseStream.MoveNext(ct)
                    ? _call.ResponseStream.Current
                    : throw new RpcException(new(StatusCode.Unavailable, "the daemon ended the call without a reason"));
            }
            catch (RpcException e) when (Reconnection.IsInterruption(e) && !ct.IsCancellationRequested)
            {
                _options.OnInterrupted?.Invoke();
                response = await ResumeAsync(ct);
            }

            if (response is { InputOffset: > 0 } && _input.Accept(response.InputOffset))
                _wake.Writer.TryWrite(true);
            switch (response?.KindCase)
            {
                case AttachConsoleResponse.KindOneofCase.Output:
                    _open.Offset = response.Output.Offset + response.Output.Data.Length;
                    yield return response;
                    break;
                case AttachConsoleResponse.KindOneofCase.WriterChange:
                    IsWriter = response.WriterChange.IsWriter;
                    if (!IsWriter)
                        LoseInput();
                    yield return response;
                    break;
                case AttachConsoleResponse.KindOneofCase.End:
                    yield return response;
                    yield break;
            }
        }
    }

    /// <summary>
    /// Sends input, in order. Returns when it is queued: up to 1 MiB waits for a guest that does not read. Needs <see cref="ReadAsync"/>
    /// to run. Discarded while the caller is not the writer.
    /// </summary>
    /// <param name="data">What a keyboard would send.</param>
    /// <param name="ct">Gives up.</param>
    public async Task WriteAsync(ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        if (!IsWriter)
            return;

        await _input.AddAsync(data, ct);
        _wake.Writer.TryWrite(true);
    }

    /// <summary>Returns when all input was passed to the terminal, or discarded. Needs <see cref="ReadAsync"/> to run.</summary>
    public Task FlushAsync(CancellationToken ct) => _input.EmptyAsync(ct);

    /// <summary>Sets the size of the console's terminal, of this boot and later ones.</summary>
    public void Resize(int columns, int rows)
    {
        if (_open.ReadOnly)
            return;

        lock (_sizeLock)
            _open.Size = _newSize = new() { Columns = columns, Rows = rows };
        _wake.Writer.TryWrite(true);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await DisconnectAsync();
        _stop.Dispose();
    }

    // Null, or the response to make of it that the caller is not the writer any more.
    private async Task<AttachConsoleResponse?> ResumeAsync(CancellationToken ct)
    {
        try
        {
            var attached = await Reconnection.UntilReachedAsync(ConnectAsync, _options.GiveUpAfter, _time, ct);
            return attached.IsWriter == IsWriter ? null : Changed(attached);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Aborted && !_open.ReadOnly)
        {
            LoseInput();
            var attached = await Reconnection.UntilReachedAsync(ConnectAsync, _options.GiveUpAfter, _time, ct);
            return Changed(attached);
        }
    }

    // To another client. From now on this one watches, also after a restart of the daemon, where it could be the faster one.
    private void LoseInput()
    {
        _open.ReadOnly = true;
        _input.Discard();
    }

    private static AttachConsoleResponse Changed(ConsoleAttached attached) => new() { WriterChange = new() { IsWriter = attached.IsWriter, WriterName = attached.WriterName } };

    private async Task<ConsoleAttached> ConnectAsync(CancellationToken ct)
    {
        await DisconnectAsync();
        ct.ThrowIfCancellationRequested();
        _call = _console.AttachConsole(cancellationToken: _stop.Token);
        ConsoleOpen open;
        lock (_sizeLock)
            open = _open.Clone();
        await TryWriteAsync(_call, new() { Open = open }, ct);
        if (!await _call.ResponseStream.MoveNext(ct) || _call.ResponseStream.Current.Attached is not { } attached)
            throw new RpcException(new(StatusCode.Unavailable, "the daemon ended the call before it answered"));

        // Where the output was to begin with what is written from now on: after this it has an offset.
        _open.Offset = attached.Offset;
        if (!_open.ReadOnly)
        {
            _stopSending = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            _sending = SendAsync(_call, _stopSending.Token);
        }

        return attached;
    }

    private async Task DisconnectAsync()
    {
        if (_stopSending is { } stop)
        {
            await stop.CancelAsync();
            await _sending;
            stop.Dispose();
            _stopSending = null;
        }

        _call?.Dispose();
        _call = null;
    }

    // From the first byte that is not accepted. Ends with the call, whose end is for the one who reads.
    private async Task SendAsync(AsyncDuplexStreamingCall<AttachConsoleRequest, AttachConsoleResponse> call, CancellationToken ct)
    {
        var next = _input.Begin;
        try
        {
            while (true)
            {
                if (TakeSize() is { } size)
                    await call.RequestStream.WriteAsync(new() { Size = size }, ct);

                var (offset, data) = _input.From(next);
                if (data.Length > 0)
                {
                    await call.RequestStream.WriteAsync(new() { Input = new() { Offset = offset, Data = UnsafeByteOperations.UnsafeWrap(data) } }, ct);
                    next = offset + data.Length;
                }
                else
                {
                    await _wake.Reader.ReadAsync(ct);
                }
            }
        }
        catch (Exception e) when (e is RpcException or IOException or OperationCanceledException or InvalidOperationException)
        {
            // The call is over.
        }
    }

    private ConsoleSize? TakeSize()
    {
        lock (_sizeLock)
        {
            var size = _newSize;
            _newSize = null;
            return size;
        }
    }

    private static async Task TryWriteAsync(
        AsyncDuplexStreamingCall<AttachConsoleRequest, AttachConsoleResponse> call, AttachConsoleRequest request, CancellationToken ct)
    {
        try
        {
            await call.RequestStream.WriteAsync(request, ct);
        }
        catch (Exception e) when (e is RpcException or IOException or InvalidOperationException && !ct.IsCancellationRequested)
        {
            // The call is over; the reason comes by its response stream.
        }
    }
}
