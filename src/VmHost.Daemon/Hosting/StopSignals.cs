using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// SIGTERM and SIGINT, from the first moment of the process to its very last: one that comes before the host listens for it
/// counts, and a second one while the process ends in good order does not end it in another.
/// </summary>
internal static class StopSignals
{
    private static readonly CancellationTokenSource Stop = new();

    // Never given back: a signal would then end the process by itself, with another exit code.
    private static PosixSignalRegistration[] _registrations = [];

    /// <summary>From now on, for good.</summary>
    /// <returns>Cancelled by the first one.</returns>
    [SuppressMessage("Reliability", "CA2000", Justification = "They live as long as the process.")]
    internal static CancellationToken Listen()
    {
        _registrations = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal), PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal)];
        return Stop.Token;
    }

    private static void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        Stop.Cancel();
    }
}
