using System.Globalization;
using System.Text;
using VmHost.Posix;

namespace VmHost.Shim;

/// <summary>
/// Tells the daemon once how the start went: <c>started PID</c> or <c>failed REASON</c>. The daemon may be gone by
/// then; what it must not miss stands in run.json and exit.json too.
/// </summary>
internal sealed class StartReport(int pipe)
{
    internal void Started(int hypervisorPid) =>
        Send(string.Create(CultureInfo.InvariantCulture, $"started {hypervisorPid}\n"));

    internal void Failed(string reason) => Send($"failed {reason}\n");

    private void Send(string line)
    {
        _ = Descriptor.Write(pipe, Encoding.UTF8.GetBytes(line));
        Descriptor.Close(pipe);
    }
}
