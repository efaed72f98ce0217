using System.Diagnostics;
using System.Text.Json;
using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>
/// conmon, which stands beside each of Podman's containers as the shim stands beside a machine: it copies a terminal into a
/// log, in which it puts a time and a tag before each line.
/// </summary>
internal sealed class ConmonPeer : IConsolePeer
{
    private static readonly string Runtime = Path.Combine(Repository.Root, "tests", "VmHost.Benchmarks", "Peers", "conmon-runtime.py");

    public string Name => "conmon";

    // Its runtime here is a script.
    public bool IsInstalled => File.Exists("/usr/bin/conmon") && File.Exists("/usr/bin/python3");

    public PeerRun Run(IReadOnlyList<string> argv, long bytes, TemporaryDirectory directory)
    {
        Directory.CreateDirectory(directory.Combine("bundle"));
        File.WriteAllText(Path.Combine(directory.Combine("bundle"), "config.json"), "{}");
        var log = directory.Combine("log");
        var start = new ProcessStartInfo("/usr/bin/conmon")
        {
            ArgumentList =
            {
                "--sync", "--terminal", "--no-sync-log", "--cid", "bench", "--cuuid", "bench", "--name", "bench", "--runtime", Runtime,
                "--bundle", directory.Combine("bundle"), "--container-pidfile", directory.Combine("pid"), "--exit-dir", directory.Path,
                "--socket-dir-path", directory.Path, "--log-path", $"k8s-file:{log}",
            },
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment["BENCH_ARGV"] = JsonSerializer.Serialize(argv);

        var since = TimeProvider.System.GetTimestamp();
        using var conmon = Process.Start(start)!;
        var said = conmon.StandardError.ReadToEnd();
        conmon.WaitForExit();
        var took = TimeProvider.System.GetElapsedTime(since);
        if (!File.Exists(log))
            throw new InvalidOperationException($"conmon ended with {conmon.ExitCode}: {said}");

        var copy = directory.Combine("copy");
        File.WriteAllBytes(copy, Kept(log));
        return new(took, copy);
    }

    // "TIME stdout F LINE" is a whole line, and P a part of one.
    private static byte[] Kept(string log)
    {
        var kept = new MemoryStream();
        var rest = File.ReadAllBytes(log).AsSpan();
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOf((byte)'\n');
            var line = rest[..end];
            var tag = line.IndexOf(" stdout "u8) + " stdout ".Length;
            kept.Write(line[(tag + 2)..]);
            if (line[tag] == (byte)'F')
                kept.WriteByte((byte)'\n');
            rest = rest[(end + 1)..];
        }

        return kept.ToArray();
    }
}
