using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Another client of a hypervisor's monitor, at its path: a program that is not VmHost.</summary>
internal static class MonitorPath
{
    /// <summary>Executes a command and returns its result once QEMU has answered.</summary>
    internal static async Task<JsonElement> SendAsync(DaemonProcess daemon, Machine machine, string command)
    {
        using var limit = ShimSocket.Limit();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(daemon.RunDir, machine.Id, "qmp.sock")), limit.Token);
        using var lines = new StreamReader(new NetworkStream(socket));
        await lines.ReadLineAsync(limit.Token);
        await socket.SendAsync(Encoding.UTF8.GetBytes("""{"execute": "qmp_capabilities", "id": 1}""" + "\n" + $$"""{"execute": "{{command}}", "id": 2}""" + "\n"), limit.Token);
        while (await lines.ReadLineAsync(limit.Token) is { } line)
        {
            var answer = JsonElement.Parse(line);
            if (answer.TryGetProperty("id", out var id) && id.GetInt32() == 2)
                return answer.GetProperty("return");
        }

        // QEMU may end before it answers, as it does at a reset with -no-reboot.
        return default;
    }

    /// <summary>Returns when the hypervisor says that its guest is in this run state.</summary>
    internal static Task WaitForStatusAsync(DaemonProcess daemon, Machine machine, string status) =>
        Eventually.TrueAsync(
            async () => (await SendAsync(daemon, machine, "query-status")).GetProperty("status").GetString() == status,
            $"{machine.Name} is in the run state {status}");
}
