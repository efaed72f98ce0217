using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using VmHost.Specs;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>
/// Finds out that a guest in QEMU takes connections on a port. QEMU itself takes every connection to a published port at
/// once, long before the guest does, so that one is open proves nothing: QEMU is asked how far it got with the guest.
/// </summary>
internal sealed partial class GuestPortProbe(TimeProvider time)
{
    // QEMU tells nobody when a connection gets through: it has to be asked.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    // A guest whose network is not up answers nothing at all, and QEMU goes on asking it ever less often.
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(2);

    /// <summary>Returns once the guest took a connection, which is closed again.</summary>
    /// <param name="port">The port.</param>
    /// <param name="boot">Returns the boot that runs now, asked before each attempt; null while none does.</param>
    /// <param name="ct">Gives up.</param>
    internal async Task WaitAsync(PublishedPort port, Func<SupervisedBoot?> boot, CancellationToken ct)
    {
        while (boot() is not { } running || !await TryAsync(port, running, ct))
            await Task.Delay(LookAgain, time, ct);
    }

    /// <summary>Whether the guest takes, or took, a connection on a port.</summary>
    /// <param name="connections">What QEMU's <c>info usernet</c> says.</param>
    /// <param name="guestPort">The guest's.</param>
    internal static bool IsTaken(string connections, int guestPort)
    {
        var port = guestPort.ToString(CultureInfo.InvariantCulture);
        return Connection().Matches(connections).Any(found => found.Groups["state"].Value == "ESTABLISHED" && found.Groups["port"].Value == port);
    }

    private async Task<bool> TryAsync(PublishedPort port, SupervisedBoot boot, CancellationToken ct)
    {
        using var over = new CancellationTokenSource(AttemptLimit, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, over.Token);
        try
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(Reachable(port), limit.Token);
            var closed = ClosedAsync(client, limit.Token);
            while (!closed.IsCompleted)
            {
                if (IsTaken(await boot.Monitor.AskHumanAsync("info usernet", limit.Token), port.GuestPort))
                    return true;

                await Task.WhenAny(closed, Task.Delay(LookAgain, time, limit.Token));
            }

            return await closed;
        }
        catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return false;
        }
    }

    // What a service says by itself proves that it took the connection; an end without a word, that nobody did.
    private static async Task<bool> ClosedAsync(Socket client, CancellationToken ct)
    {
        try
        {
            return await client.ReceiveAsync(new byte[1], ct) > 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }

    private static IPEndPoint Reachable(PublishedPort port)
    {
        var address = IPAddress.Parse(port.HostAddress);
        return new(address.Equals(IPAddress.Any) ? IPAddress.Loopback : address, port.HostPort);
    }

    // TCP[ESTABLISHED]   27       127.0.0.1 24399       10.0.2.15  6379     0     0
    [GeneratedRegex(@"TCP\[(?<state>[A-Z_0-9]+)\]\s+\S+\s+\S+\s+\S+\s+\S+\s+(?<port>[0-9]+)\s", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Connection();
}
