using VmHost.Posix;

namespace VmHost.Benchmarks.Peers;

/// <summary>A peer's client on a terminal, and the server behind it if there is one.</summary>
internal sealed class PeerTerminal(BareProcess client, IDisposable? server) : IDisposable
{
    internal BareProcess Client { get; } = client;

    /// <summary>What the client shows when keys get through to the guest.</summary>
    internal string Greeting { get; init; } = "ready";

    public void Dispose()
    {
        server?.Dispose();
        Signals.Send(Client.Pid, Signals.Kill);
        Client.ReadToEnd();
        Client.Dispose();
    }
}
