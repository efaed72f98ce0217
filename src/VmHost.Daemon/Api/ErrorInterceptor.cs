using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>
/// The one place where errors become gRPC statuses. Whatever is no <see cref="VmHostException"/> is a bug: logged with
/// its stack, and told to the client without detail.
/// </summary>
internal sealed partial class ErrorInterceptor(IHostApplicationLifetime lifetime, ILogger<ErrorInterceptor> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            RequestSize.Check((IMessage)request);
            return await continuation(request, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw ToRpcException(e, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            RequestSize.Check((IMessage)request);
            await continuation(request, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw ToRpcException(e, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw ToRpcException(e, context);
        }
    }

    private RpcException ToRpcException(Exception e, ServerCallContext context)
    {
        switch (e)
        {
            case VmHostException known:
                return ErrorDetails.Of(known).ToRpcException();
            case InvalidProtocolBufferException:
                return StatusOf(StatusCode.InvalidArgument, MalformedRequest.Problem, ErrorReason.MalformedRequest);
            case OperationCanceledException when lifetime.ApplicationStopping.IsCancellationRequested:
                return StatusOf(StatusCode.Unavailable, "the daemon is stopping; machines go on", ErrorReason.DaemonStopping);
            case OperationCanceledException or IOException when context.CancellationToken.IsCancellationRequested:
                return StatusOf(StatusCode.Cancelled, "the call was cancelled", ErrorReason.Cancelled);
            case UnauthorizedAccessException:
                LogRefused(e, context.Method);
                return StatusOf(StatusCode.FailedPrecondition, $"the host denies vmhostd access to a file: {e.Message}; change the file's permissions", ErrorReason.HostAccessDenied);
            case IOException:
                LogRefused(e, context.Method);
                return StatusOf(StatusCode.ResourceExhausted, $"vmhostd I/O error: {e.Message}; check the disk's space and vmhostd's limit of open files", ErrorReason.HostIoError);
            default:
                LogBug(e, context.Method);
                return StatusOf(StatusCode.Internal, "an internal error, which is in the daemon's log", ErrorReason.Internal);
        }
    }

    private static RpcException StatusOf(StatusCode code, string message, ErrorReason reason) => ErrorDetails.Of(code, message, reason).ToRpcException();

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed: the host refused something.")]
    private partial void LogRefused(Exception e, string method);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed: a bug.")]
    private partial void LogBug(Exception e, string method);
}
