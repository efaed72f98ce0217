using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace VmHost.Daemon.Hosting.Authority;

/// <summary>
/// Lets every client in, whatever it sends as <c>:authority</c>. On a Unix socket the value means nothing, and clients send what they
/// have: gRPC core the percent-encoded path of the socket, grpcurl the path. Kestrel resets a stream whose value is not a host name and
/// has no option for that, so this connection middleware replaces the value before Kestrel sees it.
/// </summary>
internal sealed partial class AuthorityRewriter
{
    // Inline: no thread takes over between the socket and the server.
    private static readonly PipeOptions Inline = new(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false);

    private readonly ILogger _logger;

    // A client that does this in a loop must not fill the log.
    private readonly LogLimit _log;

    private AuthorityRewriter(TimeProvider time, ILogger<AuthorityRewriter> logger) => (_logger, _log) = (logger, new(TimeSpan.FromSeconds(1), time));

    internal static Func<ConnectionDelegate, ConnectionDelegate> Middleware(TimeProvider time, ILogger<AuthorityRewriter> logger)
    {
        var rewriter = new AuthorityRewriter(time, logger);
        return next => connection => rewriter.ServeAsync(connection, next);
    }

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var socket = connection.Transport;
        var pipe = new Pipe(Inline);
        connection.Transport = new Rewritten(pipe.Reader, socket.Output);
        var pumping = PumpAsync(connection, socket.Input, pipe.Writer);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = socket;
            await pipe.Reader.CompleteAsync();
            socket.Input.CancelPendingRead();
            await pumping;
        }
    }

    // Whatever ends the connection reaches the server, which reads from the pipe what it would have read from the socket.
    private async Task PumpAsync(ConnectionContext connection, PipeReader from, PipeWriter to)
    {
        Exception? end = null;
        try
        {
            await PumpToEndAsync(from, to);
        }
        catch (InvalidDataException e)
        {
            if (_log.TryTake(out var omitted))
                LogAborted(ConnectionEnds.NameOf(connection), e.Message, omitted);
            end = new ConnectionAbortedException(e.Message);
            connection.Abort((ConnectionAbortedException)end);
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException or OperationCanceledException)
        {
            end = e;
        }
        catch (Exception e)
        {
            if (_log.TryTake(out _))
                LogDefect(e, ConnectionEnds.NameOf(connection));
            end = e;
        }

        await to.CompleteAsync(end);
    }

    private static async Task PumpToEndAsync(PipeReader from, PipeWriter to)
    {
        var frames = new HeaderFrames();
        while (true)
        {
            var read = await from.ReadAsync();
            foreach (var segment in read.Buffer)
                frames.Process(segment.Span, to);

            from.AdvanceTo(read.Buffer.End);
            var flushed = await to.FlushAsync();
            if (read.IsCompleted || read.IsCanceled || flushed.IsCompleted)
                return;
        }
    }

    private sealed record Rewritten(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection of {Client} is closed: {Reason}; {Omitted} more since the last such message.")]
    private partial void LogAborted(string client, string reason, int omitted);

    [LoggerMessage(Level = LogLevel.Error, Message = "The connection of {Client} failed: a defect.")]
    private partial void LogDefect(Exception e, string client);
}
