using System.Text;
using CliWrap;
using CliWrap.Buffered;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>The published vmctl, as a person runs it.</summary>
internal static class Vmctl
{
    // Far beyond what anything takes: a test that waits for what never comes is to fail, and not to hang.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    internal static async Task<BufferedCommandResult> RunAsync(DaemonProcess daemon, params string[] arguments)
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        return await Command(daemon.Socket, arguments).ExecuteBufferedAsync(Encoding.Latin1, limit.Token);
    }

    internal static Command Command(string socket, params string[] arguments) =>
        CliWrap.Cli.Wrap(Repository.Published("vmctl"))
            .WithArguments(arguments)
            .WithEnvironmentVariables(variables => variables.Set("VMHOST_SOCKET", socket))
            .WithValidation(CommandResultValidation.None);

    internal static async Task<string> OkAsync(DaemonProcess daemon, params string[] arguments)
    {
        var result = await RunAsync(daemon, arguments);
        Assert.True(result.ExitCode == 0, $"vmctl {string.Join(' ', arguments)}: {result.ExitCode}\n{result.StandardError}\n{daemon.Log}");
        return result.StandardOutput;
    }
}
