using System.Diagnostics;
using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>tmux: the program in a pane, which <c>pipe-pane</c> copies into a file, or to which a person attaches.</summary>
internal sealed class TmuxPeer : IConsolePeer, ITypedPeer
{
    private const string Executable = "/usr/bin/tmux";

    public string Name => "tmux";

    public bool IsInstalled => File.Exists(Executable);

    public PeerRun Run(IReadOnlyList<string> argv, long bytes, TemporaryDirectory directory)
    {
        var copy = directory.Combine("copy");
        var since = TimeProvider.System.GetTimestamp();
        using var server = new Server(argv, directory, ";", "pipe-pane", "-o", $"exec cat > {copy}");
        return new(TimeProvider.System.GetElapsedTime(since, GrowingFile.WaitFor(copy, bytes)), copy);
    }

    public PeerTerminal Attach(IReadOnlyList<string> argv, TemporaryDirectory directory)
    {
        var server = new Server(argv, directory, ";", "set", "status", "off");
        return new(new BareProcess("/usr/bin/env", ["TERM=xterm", Executable, "-S", server.Socket, "attach"]), server);
    }

    private sealed class Server : IDisposable
    {
        internal Server(IReadOnlyList<string> argv, TemporaryDirectory directory, params IEnumerable<string> commands)
        {
            Socket = directory.Combine("tmux");
            Tell(["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", GuestScript.Write(argv, directory, stay: true), .. commands]);
        }

        internal string Socket { get; }

        public void Dispose() => Tell(["kill-server"]);

        private void Tell(IEnumerable<string> words)
        {
            using var tmux = Process.Start(Executable, ["-S", Socket, .. words]);
            tmux.WaitForExit();
        }
    }
}
