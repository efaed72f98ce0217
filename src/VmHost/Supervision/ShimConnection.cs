using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Threading.Channels;
using VmHost.Posix;
using VmHost.ShimContract.Wire;

namespace VmHost.Supervision;

/// <summary>Takes the payload of a <see cref="FrameType.MonitorSaid"/>, in the order in which they come.</summary>
internal delegate void MonitorOutputHandler(ReadOnlySpan<byte> payload);

/// <summary>
/// A connection to a shim's control socket: one request at a time, and in between news of the journal's end or output of the
/// monitor. It ends when the shim does, and when a request is given up: answers have no number, so that the answer to that
/// request would be taken for the answer to the next.
/// </summary>
internal sealed class ShimConnection : IAsyncDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly FrameBuffer _received = new();
    private readonly Action<long>? _grown;
    private readonly MonitorOutputHandler? _monitorSaid;
    private readonly CancellationTokenSource _stop = new();

    // One answer is outstanding at most, as _gate is held from the request to its answer. Dropping the newest is
    // right: an answer that nobody waits for is of no use.
    private readonly Channel<(FrameType Type, byte[] Payload)> _answers =
        Channel.CreateBounded<(FrameType, byte[])>(new BoundedChannelOptions(4) { FullMode = BoundedChannelFullMode.DropWrite });

    // Never disposed of: whoever asks when the connection is closed gives it back afterwards, and others wait for it.
    [SuppressMessage("Usage", "CA2213", Justification = "Said above. It holds nothing that outlives it.")]
    private readonly SemaphoreSlim _gate = new(1, 1);

    private int _disposed;
    private Task _reading = Task.CompletedTask;

    private ShimConnection(Action<long>? grown, MonitorOutputHandler? monitorSaid) => (_grown, _monitorSaid) = (grown, monitorSaid);

    /// <summary>What the shim said of itself.</summary>
    internal Welcome Welcome { get; private set; } = null!;

    /// <summary>Completes when the shim is gone or cannot be understood; never faults.</summary>
    internal Task Closed => _reading;

    /// <summary>Connects and exchanges greetings.</summary>
    /// <param name="path">Of the control socket.</param>
    /// <param name="grown">Called with the journal's end, at once and whenever it moves; null for nobody who wants to know.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="InvalidDataException">Whoever does is no shim that can be understood.</exception>
    internal static Task<ShimConnection> OpenAsync(string path, Action<long>? grown, CancellationToken ct) =>
        OpenAsync(path, grown, monitorSaid: null, ct);

    /// <summary>
    /// As the other one; opens the monitor too where its output is wanted, and returns once QEMU has set up the machine and accepts
    /// commands. Another client of the monitor, such as a daemon that hangs, is cut off.
    /// </summary>
    /// <param name="path">Of the control socket.</param>
    /// <param name="grown">Called with the journal's end; null for nobody who wants to know.</param>
    /// <param name="monitorSaid">Called with the monitor's output; must neither wait nor throw. Null: the monitor is not opened.</param>
    /// <param name="ct">Gives up.</param>
    internal static async Task<ShimConnection> OpenAsync(string path, Action<long>? grown, MonitorOutputHandler? monitorSaid, CancellationToken ct)
    {
        var connection = new ShimConnection(grown, monitorSaid);
        try
        {
            await connection._socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            connection._reading = connection.ReadAsync();
            await connection.GreetAsync(ct);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends a request that is answered by its error number.</summary>
    /// <returns>0, or the error number.</returns>
    /// <exception cref="IOException">The shim went away, or does not know this request.</exception>
    /// <exception cref="OperationCanceledException">It was given up; if it was sent already, the connection is closed.</exception>
    internal async Task<int> RequestAsync(FrameType type, ReadOnlyMemory<byte> payload, CancellationToken ct) =>
        ErrorOf(type, await AskAsync(Frame.Of(type, payload.Span), ct));

    /// <summary>Closes it; whoever waits for an answer is told that the shim went away. More than once is once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await _stop.CancelAsync();
            _socket.Dispose();
            await _reading;
            _stop.Dispose();
        }
        else
        {
            await _reading;
        }
    }

    // All at once: with a thousand machines each wake of a shim counts.
    private async Task GreetAsync(CancellationToken ct)
    {
        var versions = new byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(versions, Frame.LowestVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(versions.AsSpan(2), Frame.Version);
        byte[] greeting =
        [
            .. Frame.Of(FrameType.Hello, versions),
            .. _grown is null ? [] : Frame.Of(FrameType.Subscribe, []),
            .. _monitorSaid is null ? [] : Frame.Of(FrameType.OpenMonitor, [1]),
        ];

        var answer = await AskAsync(greeting, ct);
        Welcome = answer.Type == FrameType.Welcome
            ? Welcome.FromPayload(answer.Payload)
            : throw new InvalidDataException($"the shim answered HELLO with {answer.Type}");
        if (Welcome.MinVersion > Frame.Version || Welcome.MaxVersion < Frame.LowestVersion)
            throw new InvalidDataException($"the shim speaks protocol {Welcome.MinVersion} to {Welcome.MaxVersion}, not {Frame.LowestVersion} to {Frame.Version}");

        if (_monitorSaid is not null && ErrorOf(FrameType.OpenMonitor, await AskAsync(ReadOnlyMemory<byte>.Empty, ct)) is not 0 and var error)
            throw new PosixException("the shim cannot open QEMU's monitor", error);
    }

    private static int ErrorOf(FrameType request, (FrameType Type, byte[] Payload) answer) =>
        answer.Type == FrameType.Result && answer.Payload.Length == 6
            ? BinaryPrimitives.ReadInt32LittleEndian(answer.Payload.AsSpan(2))
            : throw new IOException($"the shim answered {request} with {answer.Type}");

    // Sends frames of which one is answered next, or nothing where that is still to be answered.
    private async Task<(FrameType Type, byte[] Payload)> AskAsync(ReadOnlyMemory<byte> frames, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (!frames.IsEmpty)
                await _socket.SendAsync(frames, ct);
            return await _answers.Reader.ReadAsync(ct);
        }
        catch (Exception e) when (e is ChannelClosedException or SocketException or ObjectDisposedException)
        {
            throw new IOException("the shim went away", e);
        }
        catch (OperationCanceledException)
        {
            // Its answer may still come: nobody may ask anything on this connection any more.
            _socket.Dispose();
            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            int count;
            while ((count = await _socket.ReceiveAsync(_received.Free, _stop.Token)) > 0)
            {
                _received.Received(count);
                TakeFrames();
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or InvalidDataException)
        {
            // The end of the connection, whatever the way: what it means is found out from the lock and the records.
        }
        finally
        {
            _socket.Dispose();
            _answers.Writer.TryComplete();
        }
    }

    private void TakeFrames()
    {
        while (_received.TryTake(out var type, out var payload))
        {
            switch (type)
            {
                case FrameType.End when payload.Length == 8:
                    _grown?.Invoke(BinaryPrimitives.ReadInt64LittleEndian(payload));
                    break;
                case FrameType.MonitorSaid:
                    _monitorSaid?.Invoke(payload);
                    break;
                case FrameType.Exited:
                    break;   // the end of the connection follows
                default:
                    _answers.Writer.TryWrite((type, payload.ToArray()));
                    break;
            }
        }
    }
}
