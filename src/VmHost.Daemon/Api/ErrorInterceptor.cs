using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using VmHost.Specs;
using Status = Google.Rpc.Status;

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
            case InvalidProtocolBufferException:
                return new RpcException(new(StatusCode.InvalidArgument, MalformedRequest.Problem));
            case VmHostException known:
                return ToStatus(known).ToRpcException();
            case OperationCanceledException when lifetime.ApplicationStopping.IsCancellationRequested:
                return new RpcException(new(StatusCode.Unavailable, "the daemon is stopping; machines go on"));
            case OperationCanceledException or IOException when context.CancellationToken.IsCancellationRequested:
                return new RpcException(new(StatusCode.Cancelled, "the call was cancelled"));
            case IOException or UnauthorizedAccessException:
                LogRefused(e, context.Method);
                return new RpcException(new(StatusCode.ResourceExhausted, $"the daemon's disk, or its limit of open files, is in the way: {e.Message}"));
            default:
                LogBug(e, context.Method);
                return new RpcException(new(StatusCode.Internal, "an internal error, which is in the daemon's log"));
        }
    }

    private static Status ToStatus(VmHostException e)
    {
        var status = new Status { Code = (int)ToStatusCode(e.Error), Message = e.Message };
        if (!e.Faults.IsEmpty)
        {
            var request = new BadRequest();
            request.FieldViolations.AddRange(e.Faults.Select(fault =>
                new BadRequest.Types.FieldViolation { Field = fault.Field, Description = fault.Message }));
            status.Details.Add(Any.Pack(request));
        }

        return status;
    }

    internal static StatusCode ToStatusCode(VmHostError error) =>
        error switch
        {
            VmHostError.InvalidArgument => StatusCode.InvalidArgument,
            VmHostError.NotFound => StatusCode.NotFound,
            VmHostError.AlreadyExists => StatusCode.AlreadyExists,
            VmHostError.FailedPrecondition => StatusCode.FailedPrecondition,
            VmHostError.HypervisorFailed => StatusCode.FailedPrecondition,   // Unavailable would read as 'daemon unreachable'
            VmHostError.Aborted => StatusCode.Aborted,
            VmHostError.ResourceExhausted => StatusCode.ResourceExhausted,
            VmHostError.OutOfRange => StatusCode.OutOfRange,
            VmHostError.DeadlineExceeded => StatusCode.DeadlineExceeded,
            VmHostError.DataLoss => StatusCode.DataLoss,
            _ => StatusCode.Internal,
        };

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed: the host refused something.")]
    private partial void LogRefused(Exception e, string method);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed: a bug.")]
    private partial void LogBug(Exception e, string method);
}
