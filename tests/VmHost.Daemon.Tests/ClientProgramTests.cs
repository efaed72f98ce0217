using System.Diagnostics;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>
/// Programs in other languages (<c>tests/clients</c>), with the library's own <c>:authority</c>, with the percent-encoded path of the
/// socket, as gRPC core sends since 1.57, and with the bare path.
/// </summary>
public sealed class ClientProgramTests
{
    private static readonly string[] Steps = ["list", "run", "read", "write", "expect", "attach", "events", "error details", "halt", "delete"];

    // The first run of a language builds its program.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public enum Authority
    {
        Default,
        EncodedPath,
        Path,
    }

    // .NET's HttpClient sends nothing but a host name, whatever the request's Host is: there is only its own.
    public static TheoryData<string, Authority> Programs { get; } = new MatrixTheoryData<string, Authority>(["python", "node", "go", "cpp"], Enum.GetValues<Authority>()) { { "dotnet", Authority.Default } };

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task A_program_in_another_language_uses_the_API(string language, Authority authority)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        var prefix = FakeImages.Write(daemon.Directory, "client", "console=ttyS0 fake=banner;echo");
        string[] words = authority switch
        {
            Authority.EncodedPath => [Uri.EscapeDataString(daemon.Socket)],
            Authority.Path => [daemon.Socket],
            _ => [],
        };

        using var program = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "tests", "clients", language, "run"), [daemon.Socket, prefix, .. words])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        try
        {
            var errors = program.StandardError.ReadToEndAsync(limit.Token);
            var output = await program.StandardOutput.ReadToEndAsync(limit.Token);
            await program.WaitForExitAsync(limit.Token);

            Assert.True(program.ExitCode == 0, $"{output}{await errors}");
            Assert.Equal(Steps, output.TrimEnd('\n').Split('\n'));
        }
        finally
        {
            if (!program.HasExited)
                program.Kill(entireProcessTree: true);
        }
    }
}
