using System.Text.Json;

namespace VmHost.Supervision.Qmp;

/// <summary>An event of QEMU's monitor.</summary>
/// <param name="Name">For example STOP.</param>
/// <param name="Data">What comes with it; undefined if nothing does.</param>
/// <param name="Requested">
/// For STOP and RESUME: whether <c>stop</c> or <c>cont</c>, sent on this connection, was not answered yet. QEMU sends both events
/// before the answer, so false means that something else stopped or resumed the guest.
/// </param>
internal sealed record QmpEvent(string Name, JsonElement Data, bool Requested)
{
    /// <summary>A text in the data; null if there is none of that name.</summary>
    internal string? Text(string name) =>
        Data.ValueKind == JsonValueKind.Object && Data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Whether the data has a true value of that name.</summary>
    internal bool IsTrue(string name) =>
        Data.ValueKind == JsonValueKind.Object && Data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
