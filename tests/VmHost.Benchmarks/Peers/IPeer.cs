using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>A program that stands between a terminal and what is done with it, as the shim does.</summary>
internal interface IPeer
{
    /// <summary>Of the program, as Debian calls it.</summary>
    string Name { get; }

    bool IsInstalled { get; }

    /// <summary>Those that are installed; says which are not.</summary>
    internal static IReadOnlyList<T> Installed<T>(IEnumerable<T> peers)
        where T : IPeer
    {
        var all = peers.ToLookup(peer => peer.IsInstalled);
        foreach (var peer in all[false])
            Console.WriteLine($"   {peer.Name} is not installed, so it is not measured");

        return [.. all[true]];
    }
}

/// <summary>A peer that keeps what is written on a terminal.</summary>
internal interface IConsolePeer : IPeer
{
    /// <summary>Runs a program on a terminal of the peer's until all that it writes is kept, or until no more comes of it.</summary>
    /// <param name="argv">The program and its arguments.</param>
    /// <param name="bytes">How many it writes.</param>
    /// <param name="directory">For all that the peer writes.</param>
    PeerRun Run(IReadOnlyList<string> argv, long bytes, TemporaryDirectory directory);
}

/// <summary>A peer at which a person can type.</summary>
internal interface ITypedPeer : IPeer
{
    /// <summary>Runs a program as the peer's, with the peer's client on a terminal.</summary>
    /// <param name="argv">The program, which says "ready" and then sends back what it gets.</param>
    /// <param name="directory">For all that the peer writes.</param>
    PeerTerminal Attach(IReadOnlyList<string> argv, TemporaryDirectory directory);
}

/// <param name="Took">From the peer's start until the last byte was kept.</param>
/// <param name="Copy">The file that it kept them in.</param>
internal sealed record PeerRun(TimeSpan Took, string Copy);
