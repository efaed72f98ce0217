using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>conserver, which serves consoles to many readers over TCP and keeps a log of each.</summary>
internal sealed class ConserverPeer : IConsolePeer, ITypedPeer
{
    private const string Executable = "/usr/sbin/conserver";
    private const string Client = "/usr/bin/console";
    private const string Console = "guest";

    public string Name => "conserver";

    public bool IsInstalled => File.Exists(Executable) && File.Exists(Client);

    public PeerRun Run(IReadOnlyList<string> argv, long bytes, TemporaryDirectory directory)
    {
        using var server = new Server(argv, directory);

        // What it keeps may be longer than what the guest wrote, so only silence is its end.
        var grewAt = GrowingFile.WaitFor(server.Log, long.MaxValue);
        return new(TimeProvider.System.GetElapsedTime(server.StartedAt, grewAt), Guest(server, directory));
    }

    public PeerTerminal Attach(IReadOnlyList<string> argv, TemporaryDirectory directory)
    {
        var server = new Server(argv, directory);
        GrowingFile.WaitFor(server.Log, server.Banner() + 1);
        server.WaitUntilListening();

        // It shows nothing of what was before.
        return new(new BareProcess(Client, ["-M", "127.0.0.1", "-p", server.Port, "-f", Console]), server) { Greeting = "help]" };
    }

    // The log without the line with which conserver begins it.
    private static string Guest(Server server, TemporaryDirectory directory)
    {
        var copy = directory.Combine("copy");
        using var log = File.OpenRead(server.Log);
        log.Position = server.Banner();
        using var guest = File.Create(copy);
        log.CopyTo(guest);
        return copy;
    }

    private sealed class Server : IDisposable
    {
        private readonly Process _process;

        internal Server(IReadOnlyList<string> argv, TemporaryDirectory directory)
        {
            Log = directory.Combine("log");
            Port = FreePort();
            var configuration = directory.Combine("conserver.cf");
            File.WriteAllText(configuration, $$"""
                config * { defaultaccess trusted; daemonmode no; logfile {{directory.Combine("said")}}; passwdfile /dev/null; primaryport {{Port}}; secondaryport {{FreePort()}}; }
                default * { master localhost; rw *; }
                console {{Console}} { type exec; exec "exec {{GuestScript.Write(argv, directory, stay: true)}}"; logfile {{Log}}; timestamp ""; execsubst ""; options !autoreinit; }
                access * { trusted 127.0.0.1; }

                """);
            StartedAt = TimeProvider.System.GetTimestamp();
            _process = Process.Start(new ProcessStartInfo(Executable)
            {
                ArgumentList = { "-C", configuration, "-M", "127.0.0.1" },
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
            })!;
        }

        internal string Log { get; }

        internal string Port { get; }

        internal long StartedAt { get; }

        /// <summary>The length of the line with which the log begins, once it is there.</summary>
        internal long Banner()
        {
            GrowingFile.WaitFor(Log, 1);
            using var log = File.OpenRead(Log);
            Span<byte> line = stackalloc byte[256];
            return line[..log.Read(line)].IndexOf("]\r\n"u8) + 3;
        }

        // It starts the consoles before it listens.
        internal void WaitUntilListening()
        {
            while (true)
            {
                try
                {
                    using var connection = new TcpClient("127.0.0.1", int.Parse(Port, CultureInfo.InvariantCulture));
                    return;
                }
                catch (SocketException) when (!_process.HasExited)
                {
                    Posix.Poll.Wait([], 10);
                }
            }
        }

        public void Dispose()
        {
            Posix.Signals.Send(_process.Id, Posix.Signals.Terminate);
            _process.WaitForExit();
            _process.Dispose();
        }

        private static string FreePort()
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        }
    }
}
