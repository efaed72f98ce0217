using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>The peers that are attached to, until all is over.</summary>
internal sealed class PeerTerminals : IDisposable
{
    private readonly Stack<IDisposable> _owned = new();

    /// <summary>Runs a program as the peer's and returns its client, which shows by now what the program said.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="argv">The program, as a machine has it.</param>
    internal BareProcess Attach(ITypedPeer peer, IReadOnlyList<string> argv)
    {
        var directory = new TemporaryDirectory();
        _owned.Push(directory);
        var terminal = peer.Attach(BareProcess.ArgumentsOf(argv, directory), directory);
        _owned.Push(terminal);
        terminal.Client.ReadTo(terminal.Greeting);
        return terminal.Client;
    }

    public void Dispose()
    {
        while (_owned.TryPop(out var last))
            last.Dispose();
    }
}
