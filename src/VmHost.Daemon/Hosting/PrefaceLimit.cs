using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// Closes a connection whose client does not send the 24 bytes that begin HTTP/2 (RFC 9113, 3.4) within a time limit. Kestrel's
/// own limits begin only after them, and until then the connection would occupy one of the slots.
/// </summary>
internal sealed partial class PrefaceLimit(TimeSpan limit, TimeProvider time, ILogger<PrefaceLimit> logger)
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    internal static Func<ConnectionDelegate, ConnectionDelegate> Middleware(TimeSpan limit, TimeProvider time, ILogger<PrefaceLimit> logger)
    {
        var preface = new PrefaceLimit(limit, time, logger);
        return next => connection => preface.ServeAsync(connection, next);
    }

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        using var up = new CancellationTokenSource(limit, time);
        switch (await ReceiveAsync(connection, up.Token))
        {
            case Beginning.Http2:
                await next(connection);
                break;
            case Beginning.Other:
                // Kestrel answers HTTP/1.x, and waits without a limit for more of anything else.
                await using (up.Token.Register(() => GiveUp(connection)))
                    await next(connection);
                break;
            default:
                if (up.IsCancellationRequested)
                    GiveUp(connection);
                break;
        }
    }

    // Looks at the bytes and leaves them to the next reader.
    private static async Task<Beginning> ReceiveAsync(ConnectionContext connection, CancellationToken up)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(up, connection.ConnectionClosed);
        try
        {
            while (true)
            {
                var read = await connection.Transport.Input.ReadAsync(either.Token);
                var beginning = BeginningOf(read.Buffer);

                // Examined to its end, so that the next read waits for more bytes.
                connection.Transport.Input.AdvanceTo(read.Buffer.Start, beginning == Beginning.Incomplete ? read.Buffer.End : read.Buffer.Start);
                if (beginning != Beginning.Incomplete || read.IsCompleted)
                    return beginning;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            return Beginning.Incomplete;
        }
    }

    private static Beginning BeginningOf(in ReadOnlySequence<byte> received)
    {
        Span<byte> start = stackalloc byte[Preface.Length];
        var length = (int)Math.Min(received.Length, start.Length);
        received.Slice(0, length).CopyTo(start);
        if (!Preface.StartsWith(start[..length]))
            return Beginning.Other;

        return length == Preface.Length ? Beginning.Http2 : Beginning.Incomplete;
    }

    private void GiveUp(ConnectionContext connection)
    {
        var client = ConnectionEnds.NameOf(connection);
        LogGivenUp(client, limit.TotalSeconds);
        connection.Abort();
    }

    private enum Beginning
    {
        Incomplete,
        Http2,
        Other,
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The connection of {Client} was given up after {Seconds:0} s: the client did not begin HTTP/2.")]
    private partial void LogGivenUp(string client, double seconds);
}
