using System.Text.Json;

namespace VmHost.Shim;

/// <summary>A client's request to the monitor: a half of one would spoil the next.</summary>
internal static class MonitorRequest
{
    /// <summary>Whether it is exactly one JSON object.</summary>
    internal static bool IsWhole(ReadOnlySpan<byte> request)
    {
        var reader = new Utf8JsonReader(request);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return false;

            reader.Skip();
            return !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>As QEMU takes it.</summary>
    internal static byte[] ToLine(ReadOnlySpan<byte> request)
    {
        var line = new byte[request.Length + 1];
        request.CopyTo(line);
        line[^1] = (byte)'\n';
        return line;
    }
}
