using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using VmHost.Daemon.Api;
using VmHost.Specs;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// The status of a call that has no messages: in the headers of the response, percent-encoded ("Trailers-Only" in gRPC over HTTP/2).
/// </summary>
internal static class GrpcStatusHeaders
{
    private const string Status = "grpc-status";
    private const string Message = "grpc-message";
    private const string Details = "grpc-status-details-bin";

    /// <summary>Makes a status the whole of a response that has not started.</summary>
    internal static void Write(HttpResponse response, StatusCode code, string message, ErrorReason reason)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "application/grpc";
        response.Headers[Status] = ((int)code).ToString(CultureInfo.InvariantCulture);
        response.Headers[Message] = Uri.EscapeDataString(message);
        response.Headers[Details] = Convert.ToBase64String(ErrorDetails.Of(code, message, reason).ToByteArray()).TrimEnd('=');   // as gRPC writes binary headers
    }

    /// <summary>Whether a response that has not started ends with this status and message.</summary>
    internal static bool Has(HttpResponse response, StatusCode code, string message) =>
        !response.HasStarted
        && response.Headers[Status] == ((int)code).ToString(CultureInfo.InvariantCulture)
        && Uri.UnescapeDataString(response.Headers[Message].ToString()) == message;
}
