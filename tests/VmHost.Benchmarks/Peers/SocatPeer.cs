using System.Diagnostics;
using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>socat with the program on a terminal of its own at one side, and a file or the person's terminal at the other.</summary>
internal sealed class SocatPeer : IConsolePeer, ITypedPeer
{
    private const string Executable = "/usr/bin/socat";

    public string Name => "socat";

    public bool IsInstalled => File.Exists(Executable);

    public PeerRun Run(IReadOnlyList<string> argv, long bytes, TemporaryDirectory directory)
    {
        var copy = directory.Combine("copy");
        var script = GuestScript.Write(argv, directory, stay: false);
        var since = TimeProvider.System.GetTimestamp();
        using var socat = Process.Start(new ProcessStartInfo(Executable)
        {
            ArgumentList = { "-u", Guest(script), $"OPEN:{copy},creat,trunc,wronly" },
            UseShellExecute = false,
        })!;
        socat.WaitForExit();
        return new(TimeProvider.System.GetElapsedTime(since), copy);
    }

    public PeerTerminal Attach(IReadOnlyList<string> argv, TemporaryDirectory directory) =>
        new(new BareProcess(Executable, ["STDIO,rawer", Guest(GuestScript.Write(argv, directory, stay: false))]), server: null);

    private static string Guest(string script) => $"EXEC:{script},pty,rawer,setsid,ctty";
}
