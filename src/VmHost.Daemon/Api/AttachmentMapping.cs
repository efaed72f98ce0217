using System.Globalization;
using System.Text;
using VmHost.Consoles;
using VmHost.Protocol.V1;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>Checks the requests of an attachment.</summary>
internal static class AttachmentMapping
{
    private const int MaxClientNameBytes = 128;
    private const int MinToken = 16;
    private const int MaxToken = 64;
    private const int MaxInputBytes = 32 << 10;
    private const long MinWindow = 1 << 10;
    private const long MaxWindow = 64 << 20;

    internal static ConsoleStart Start(ConsoleOpen open) =>
        open.StartCase switch
        {
            ConsoleOpen.StartOneofCase.Offset => new(Offset: open.Offset),
            ConsoleOpen.StartOneofCase.TailBytes => new(TailBytes: open.TailBytes),
            ConsoleOpen.StartOneofCase.TailLines => new(TailLines: open.TailLines),
            _ => new(TailBytes: 0),
        };

    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>.</exception>
    internal static string ClientName(string name) =>
        name.Length > 0 && Encoding.UTF8.GetByteCount(name) <= MaxClientNameBytes && !name.Any(char.IsControl)
            ? name
            : throw Fault("open.client_name", $"must be 1 to {MaxClientNameBytes} bytes without control characters, or set open.read_only");

    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>.</exception>
    internal static string Token(string token) =>
        token.Length is >= MinToken and <= MaxToken && token.All(static character => character is >= ' ' and <= '~')
            ? token
            : throw Fault("open.token", $"must be {MinToken} to {MaxToken} printable ASCII characters, or set open.read_only");

    /// <summary>The size of the window; null for none.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>.</exception>
    internal static long? Window(long bytes) =>
        bytes switch
        {
            0 => null,
            >= MinWindow and <= MaxWindow => bytes,
            _ => throw Fault("open.window_bytes", $"must be {MinWindow} to {MaxWindow}, or 0 for no limit"),
        };

    /// <summary>Checks a part of the input.</summary>
    /// <param name="input">It.</param>
    /// <param name="expected">The offset after the part before; null for the first part.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>.</exception>
    internal static void Check(ConsoleInput input, long? expected)
    {
        if (input.Data.Length > MaxInputBytes)
            throw Fault("input.data", $"must be at most {MaxInputBytes} bytes; send it in parts");
        if (input.Offset < 0 || input.Offset > long.MaxValue - MaxInputBytes)
            throw Fault("input.offset", "must be the number of bytes sent before");
        if (expected is { } offset && input.Offset != offset)
            throw Fault("input.offset", $"is {input.Offset}, and the input before ended at {offset}; send input in order, each byte once per stream");
    }

    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: the client watches only.</exception>
    internal static void ThrowIfReadOnly(ConsoleOpen open, string field)
    {
        if (open.ReadOnly)
            throw Fault(field, "cannot be sent with open.read_only");
    }

    /// <summary>The refusal of a request that must not come now.</summary>
    internal static VmHostException NotInOrder(AttachConsoleRequest request) =>
        request.KindCase == AttachConsoleRequest.KindOneofCase.Open
            ? Fault("open", "must be the first request only")
            : Fault("kind", "must be set; the first request is open, then input, size and acknowledgement follow");

    private static VmHostException Fault(string field, FormattableString problem) => Fault(field, problem.ToString(CultureInfo.InvariantCulture));

    private static VmHostException Fault(string field, string problem) => VmHostException.ForFaults([new(field, problem)]);
}
