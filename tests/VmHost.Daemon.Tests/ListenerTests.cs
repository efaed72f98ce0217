using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Where the daemon listens: on the socket that its own options name, whatever the environment and the files next to it say.</summary>
public sealed class ListenerTests
{
    private const string SocketTarget = "socket:[";

    [Theory]
    [InlineData("Kestrel__Endpoints__Extra__Url", "http://127.0.0.1:{0}")]
    [InlineData("ASPNETCORE_Kestrel__Endpoints__Extra__Url", "http://127.0.0.1:{0}")]
    [InlineData("ASPNETCORE_URLS", "http://127.0.0.1:{0}")]
    [InlineData("ASPNETCORE_HTTP_PORTS", "{0}")]
    [InlineData("DOTNET_URLS", "http://127.0.0.1:{0}")]
    [InlineData("DOTNET_HTTP_PORTS", "{0}")]
    [InlineData("URLS", "http://127.0.0.1:{0}")]
    [InlineData("HTTP_PORTS", "{0}")]
    public async Task A_variable_opens_no_second_listener(string name, string value)
    {
        var port = FreePort();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        daemon.Variables["DOTNET_EnableDiagnostics"] = "0";   // opens no socket in the published daemon
        daemon.Variables[name] = string.Format(CultureInfo.InvariantCulture, value, port);
        await daemon.StartAsync();

        Assert.Equal([daemon.Socket], ListenersOf(daemon.Pid));
    }

    [Fact]
    public async Task A_file_next_to_the_program_opens_no_second_listener_and_sets_no_option()
    {
        using var copy = new TemporaryDirectory();
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(Repository.Daemon)!))
            File.Copy(file, copy.Combine(Path.GetFileName(file)));
        await File.WriteAllTextAsync(copy.Combine("appsettings.json"), $$"""
            {
              "Kestrel": { "Endpoints": { "Extra": { "Url": "http://127.0.0.1:{{FreePort()}}" } } },
              "VmHost": { "MaxMachines": 0 }
            }
            """, TestContext.Current.CancellationToken);
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        daemon.Variables["DOTNET_EnableDiagnostics"] = "0";
        daemon.Program = copy.Combine("vmhostd");

        await daemon.StartAsync();

        Assert.Equal([daemon.Socket], ListenersOf(daemon.Pid));
    }

    // Free a moment ago; a listener that gets it is found by the daemon's own descriptors.
    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static List<string> ListenersOf(int pid)
    {
        var inodes = Directory.EnumerateFiles($"/proc/{pid}/fd")
            .Select(file => new FileInfo(file).LinkTarget ?? "")
            .Where(target => target.StartsWith(SocketTarget, StringComparison.Ordinal))
            .Select(target => target[SocketTarget.Length..^1])
            .ToHashSet(StringComparer.Ordinal);
        var listeners = new List<string>();
        foreach (var family in new[] { "tcp", "tcp6" })
        {
            // "sl local_address rem_address st …"; 0A is LISTEN, the tenth word is the inode.
            foreach (var words in Words($"/proc/{pid}/net/{family}").Where(words => words[3] == "0A" && inodes.Contains(words[9])))
                listeners.Add($"{family} {words[1]}");
        }

        // "Num RefCount Protocol Flags Type St Inode Path"; the flag 10000 is a listener's.
        foreach (var words in Words($"/proc/{pid}/net/unix").Where(words => words[3] == "00010000" && inodes.Contains(words[6])))
            listeners.Add(words.Length > 7 ? words[7] : "an abstract socket");

        return listeners;
    }

    private static IEnumerable<string[]> Words(string file) =>
        File.ReadLines(file).Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
