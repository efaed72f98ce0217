using Grpc.Core;
using Grpc.Core.Interceptors;
using VmHost.Daemon.Hosting;

namespace VmHost.Daemon.Api;

/// <summary>
/// Answers a request that is not a message of its type by INVALID_ARGUMENT. Grpc.AspNetCore reads a request before any interceptor is
/// called and reports a failure as UNKNOWN, which reads as a defect of the daemon; so the status is replaced before it is sent.
/// </summary>
internal sealed class MalformedRequest : Interceptor
{
    // Grpc.AspNetCore's, for whatever leaves the code that it calls.
    private const string Thrown = "Exception was thrown by handler.";

    private const string Problem = "the request is not a message of the method's type: malformed protobuf, or a string that is not valid UTF-8";

    private static readonly Read Mark = new();

    internal static async Task Middleware(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Features.Get<Read>() is null && GrpcStatusHeaders.Has(context.Response, StatusCode.Unknown, Thrown))
            GrpcStatusHeaders.Write(context.Response, StatusCode.InvalidArgument, Problem);
    }

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        context.GetHttpContext().Features.Set(Mark);
        return continuation(request, context);
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        context.GetHttpContext().Features.Set(Mark);
        return continuation(request, responseStream, context);
    }

    /// <summary>The request was read.</summary>
    private sealed class Read;
}
