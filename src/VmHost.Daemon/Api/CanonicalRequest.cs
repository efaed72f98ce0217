using Google.Protobuf;

namespace VmHost.Daemon.Api;

/// <summary>
/// A request as bytes that are the same for the same request. Its own bytes are not: several languages write the entries of a map in
/// another order each time.
/// </summary>
internal static class CanonicalRequest
{
    internal static ByteString Of(IMessage request)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true) { Deterministic = true })
            request.WriteTo(output);

        return ByteString.CopyFrom(bytes.ToArray());
    }
}
