namespace VmHost.Supervision.Qmp;

/// <summary>QEMU refused a command. The connection is as good as before.</summary>
/// <param name="command">The command.</param>
/// <param name="reason">QEMU's words.</param>
internal sealed class QmpException(string command, string reason) : IOException($"QEMU refused {command}: {reason}");
