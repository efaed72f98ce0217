using System.Globalization;
using System.Net.Sockets;
using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Supervision;

/// <summary>
/// Opens connections to a boot's shim. If the socket is gone, because something removed the run directory, it has the shim make
/// directory and socket again.
/// </summary>
internal sealed class ShimAddress(RunRecord run, TimeProvider time)
{
    // The shim makes its socket in milliseconds; one that was stopped, or a host that swaps, takes longer.
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(3);

    // From the removal of its socket to a shim's end.
    private static readonly TimeSpan EndLimit = TimeSpan.FromMilliseconds(500);

    // What .NET makes of ENOENT.
    private const SocketError MissingPath = SocketError.AddressNotAvailable;

    private static readonly TimeSpan ConnectAgain = TimeSpan.FromMilliseconds(10);

    /// <summary>Connects.</summary>
    /// <param name="grown">As <see cref="ShimConnection"/> takes it.</param>
    /// <param name="monitorSaid">Likewise.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="SocketLostException">The shim lives, and its socket is gone for good.</exception>
    /// <exception cref="IOException">The shim went away, or cannot be understood.</exception>
    internal async Task<ShimConnection> OpenAsync(Action<long>? grown, MonitorOutputHandler? monitorSaid, CancellationToken ct)
    {
        try
        {
            return await TryOpenAsync(grown, monitorSaid, ct) ?? await RecoverSocketAsync(grown, monitorSaid, ct);
        }
        catch (Exception e) when (e is SocketException or InvalidDataException or ObjectDisposedException)
        {
            throw new IOException($"the shim cannot be reached: {e.Message}", e);
        }
    }

    private async Task<ShimConnection> RecoverSocketAsync(Action<long>? grown, MonitorOutputHandler? monitorSaid, CancellationToken ct)
    {
        // The number and the start time are the shim's, so that no other process is hit.
        if (run.SocketRecovery && !ProcessIdentity.SignalIfSame(run.ShimPid, run.ShimStartTime, Signals.User1))
            throw new IOException("the shim is gone");

        var since = time.GetTimestamp();
        var limit = run.SocketRecovery ? RecoveryLimit : EndLimit;
        do
        {
            // One that has removed its socket itself is about to end.
            if (ProcessIdentity.StartTime(run.ShimPid) != run.ShimStartTime)
                throw new IOException("the shim is gone");

            if (await TryOpenAsync(grown, monitorSaid, ct) is { } connection)
                return connection;

            await Task.Delay(ConnectAgain, time, ct);
        }
        while (time.GetElapsedTime(since) < limit);

        throw new SocketLostException(run.SocketRecovery
            ? string.Create(CultureInfo.InvariantCulture, $"the shim's socket {run.ControlSocket} is gone, and the shim did not make it again in {limit.TotalSeconds:0} s: it hangs, or its directory cannot be made")
            : $"the shim's socket {run.ControlSocket} is gone, and this shim (version {run.ShimVersion}) is older than those that make it again; only vmctl kill can end the machine");
    }

    // Null: nothing listens at the path, or it does not exist.
    private async Task<ShimConnection?> TryOpenAsync(Action<long>? grown, MonitorOutputHandler? monitorSaid, CancellationToken ct)
    {
        try
        {
            return await ShimConnection.OpenAsync(run.ControlSocket, grown, monitorSaid, ct);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or MissingPath)
        {
            return null;
        }
    }
}
