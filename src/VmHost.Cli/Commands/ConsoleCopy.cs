using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Console output to stdout: exact where it is piped, harmless on a terminal.</summary>
internal static class ConsoleCopy
{
    internal static async Task RunAsync(Connection daemon, ReadConsoleRequest request, bool raw, CancellationToken ct)
    {
        var sanitizer = raw || Console.IsOutputRedirected ? null : new ConsoleSanitizer();

        // From the beginning is no gap, even when the beginning was dropped long ago: it is how the journal is.
        var first = request.StartCase == ReadConsoleRequest.StartOneofCase.Offset && request.Offset == 0;
        var console = new ResumingConsole(daemon.Console, TimeProvider.System)
        {
            OnInterrupted = () => Output.Error("the daemon went away; waiting for it (the machine goes on)"),
        };
        await foreach (var chunk in console.ReadAsync(request, ct))
        {
            if (chunk.GapBytes > 0)
                Output.Error($"{chunk.GapBytes} bytes of {(first ? "older " : "")}console output were lost here");
            first = false;

            await Output.Data.WriteAsync(sanitizer?.Clean(chunk.Data.Span) ?? chunk.Data, ct);
            await Output.Data.FlushAsync(ct);
        }
    }
}
