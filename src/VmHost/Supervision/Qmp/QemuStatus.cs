using System.Text.Json;

namespace VmHost.Supervision.Qmp;

/// <summary>What QEMU says about the guest when asked.</summary>
/// <param name="RunState">QEMU's word, for example running, paused or io-error.</param>
/// <param name="IsRunning">Whether the guest's processors run.</param>
/// <param name="IoError">The I/O error that stopped the guest; null if none did.</param>
internal sealed record QemuStatus(string RunState, bool IsRunning, DiskError? IoError)
{
    /// <summary>Asks the monitor.</summary>
    /// <exception cref="IOException">The connection broke, or the answer is not understood.</exception>
    internal static async Task<QemuStatus> QueryAsync(QmpMonitor monitor, CancellationToken ct)
    {
        var status = await monitor.ExecuteAsync("query-status", ct);
        var state = Text(status, "status") ?? throw new IOException("QEMU's answer to query-status has no status");
        var isRunning = status.TryGetProperty("running", out var running) && running.ValueKind == JsonValueKind.True;
        var error = state == "io-error" ? FindError(await monitor.ExecuteAsync("query-block", ct)) : null;
        return new(state, isRunning, error);
    }

    /// <summary>The first disk with an error in QEMU's answer to <c>query-block</c>.</summary>
    internal static DiskError? FindError(JsonElement blocks)
    {
        if (blocks.ValueKind != JsonValueKind.Array)
            return null;

        foreach (var block in blocks.EnumerateArray())
        {
            var text = Text(block, "io-status") switch
            {
                "nospace" => "No space left on device",
                "failed" => "Input/output error",
                _ => null,
            };
            if (text is not null)
                return new(Text(block, "device") is { Length: > 0 } device ? device : Text(block, "qdev") ?? "a disk", text);
        }

        return null;
    }

    private static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
