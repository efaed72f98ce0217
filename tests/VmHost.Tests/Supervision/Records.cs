using System.Globalization;
using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Tests.Supervision;

/// <summary>Records as a shim writes them, of this process in the place of the shim.</summary>
internal static class Records
{
    internal const string Id = "0123456789ab";
    internal const string Nonce = "00112233445566778899aabbccddeeff";

    internal static RunRecord Run(string socket) =>
        new()
        {
            Boot = 1,
            Nonce = Nonce,
            HostBootId = ProcessIdentity.HostBootId,
            ShimPid = Environment.ProcessId,
            ShimStartTime = ProcessIdentity.StartTime(Environment.ProcessId)!.Value,
            ShimPath = "/usr/libexec/vmhost/vmhost-shim",
            ShimVersion = "0.1.0",
            HypervisorPid = Environment.ProcessId,
            HypervisorStartTime = ProcessIdentity.StartTime(Environment.ProcessId)!.Value,
            StartedAt = DateTimeOffset.Parse("2026-11-24T12:00:00Z", CultureInfo.InvariantCulture),
            ControlSocket = socket,
            ConsoleBegin = 0,
        };
}
