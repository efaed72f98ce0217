using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>The raw thing: cat copies the terminal into a file, with nothing between.</summary>
internal sealed class CatPeer : IConsolePeer
{
    public string Name => "cat";

    public bool IsInstalled => true;

    public PeerRun Run(IReadOnlyList<string> argv, long bytes, TemporaryDirectory directory)
    {
        var copy = directory.Combine("copy");
        using var process = new BareProcess(argv[0], [.. argv.Skip(1)]);
        process.CopyTo(copy);
        return new(TimeProvider.System.GetElapsedTime(process.StartedAt, process.EndedAt), copy);
    }
}
