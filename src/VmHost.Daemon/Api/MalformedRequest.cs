using Grpc.Core;
using Grpc.Core.Interceptors;
using VmHost.Daemon.Hosting;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>
/// Answers a request that is not a message of its type by INVALID_ARGUMENT. Grpc.AspNetCore reads a request before any interceptor is
/// called and reports a failure as UNKNOWN, which reads as a defect of the daemon; so the status is replaced before it is sent.
/// </summary>
internal sealed partial class MalformedRequest(ILogger<MalformedRequest> logger) : Interceptor
{
    // Grpc.AspNetCore's, for whatever leaves the code that it calls.
    private const string Thrown = "Exception was thrown by handler.";

    internal const string Problem = "the request is not a message of the method's type: malformed protobuf, or a string that is not valid UTF-8";

    private static readonly Read Mark = new();

    /// <summary>The middleware around the calls.</summary>
    internal async Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (!GrpcStatusHeaders.Has(context.Response, StatusCode.Unknown, Thrown))
            return;

        // After the request was read, ErrorInterceptor has every exception; what is left happened when the answer was written.
        if (context.Features.Get<Read>() is null)
            GrpcStatusHeaders.Write(context.Response, StatusCode.InvalidArgument, Problem, ErrorReason.MalformedRequest);
        else
            LogBug(context.Request.Path);
    }

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        SetMark(context);
        return continuation(request, context);
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        SetMark(context);
        return continuation(request, responseStream, context);
    }

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        SetMark(context);
        return continuation(requestStream, context);
    }

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        SetMark(context);
        return continuation(requestStream, responseStream, context);
    }

    private static void SetMark(ServerCallContext context) => context.GetHttpContext().Features.Set(Mark);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed when its answer was written: a defect.")]
    private partial void LogBug(string method);

    /// <summary>The request was read.</summary>
    private sealed class Read;
}
