using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using VmHost.Specs;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// The reason for which a connection's peer is not served. It is a gRPC status, since that is what a client's library shows: a
/// connection that is closed without a word looks like a daemon that crashed.
/// </summary>
/// <param name="reason">One sentence.</param>
internal sealed class PeerRefusal(string reason)
{
    /// <summary>Answers the calls of refused peers, whatever they call, before any of them is read.</summary>
    internal static Task Middleware(HttpContext context, RequestDelegate next)
    {
        if (context.Features.Get<PeerRefusal>() is not { } refusal)
            return next(context);

        GrpcStatusHeaders.Write(context.Response, StatusCode.PermissionDenied, refusal.Reason, ErrorReason.PeerRefused);
        context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        return Task.CompletedTask;
    }

    private string Reason => reason;
}
