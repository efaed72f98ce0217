using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>The rights of the daemon's socket, whatever the rights of new files are where it was started.</summary>
public sealed class SocketModeTests
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Theory]
    [InlineData("000")]
    [InlineData("022")]
    [InlineData("077")]
    public async Task Only_the_owner_may_connect(string mask)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        await daemon.StartAsync(["sh", "-c", $"umask {mask} && exec \"$@\"", "sh"]);
        using var client = new DaemonClient(daemon);
        await client.Machines.ListMachinesAsync(new());

        Assert.Equal(Private, File.GetUnixFileMode(daemon.Socket));
    }

    [Fact]
    public async Task The_socket_has_its_rights_from_the_moment_at_which_it_appears()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        var calls = Path.Combine(daemon.Directory, "calls");
        await daemon.StartAsync(["sh", "-c", "umask 000 && exec strace -f -D --seccomp-bpf -qq -o \"$0\" -e trace=bind,umask \"$@\"", calls]);

        // The kernel makes it with all rights but those of the mask, which is the one that was set last.
        var mask = "";
        var bound = false;
        await foreach (var call in File.ReadLinesAsync(calls, TestContext.Current.CancellationToken))
        {
            if (call.Contains("umask(", StringComparison.Ordinal))
                mask = call[call.IndexOf("umask(", StringComparison.Ordinal)..].Split(')')[0];
            if (call.Contains($"\"{daemon.Socket}\"", StringComparison.Ordinal))
            {
                bound = true;
                Assert.Equal("umask(0177", mask);
            }
        }

        Assert.True(bound);
        Assert.Equal(Private, File.GetUnixFileMode(daemon.Socket));
    }
}
