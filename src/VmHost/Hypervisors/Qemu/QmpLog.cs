using System.Text.Json;

namespace VmHost.Hypervisors.Qemu;

/// <summary>Reads the events that QEMU logged: one JSON object a line, perhaps cut off at either end.</summary>
internal static class QmpLog
{
    /// <summary>The reason in the last SHUTDOWN event, for example <c>guest-reset</c>; null when there is none.</summary>
    internal static string? LastShutdownReason(string log)
    {
        string? reason = null;
        foreach (var line in log.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.Contains("SHUTDOWN", StringComparison.Ordinal))
                reason = ReasonOf(line) ?? reason;
        }

        return reason;
    }

    private static string? ReasonOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("event", out var name)
                && name.ValueEquals("SHUTDOWN")
                && json.RootElement.TryGetProperty("data", out var data)
                && data.ValueKind == JsonValueKind.Object
                && data.TryGetProperty("reason", out var reason)
                    ? reason.GetString()
                    : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;   // a line that was cut off, or is no QMP: the log is evidence, not a protocol
        }
    }
}
