using System.Text;
using CliWrap;
using CliWrap.Buffered;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>The published vmctl, as a person runs it.</summary>
internal static class Vmctl
{
    internal static async Task<BufferedCommandResult> RunAsync(DaemonProcess daemon, params string[] arguments) =>
        await Command(daemon.Socket, arguments).ExecuteBufferedAsync(Encoding.Latin1);

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
