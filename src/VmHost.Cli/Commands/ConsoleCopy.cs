using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Console output to stdout: exact where it is piped, harmless on a terminal.</summary>
internal static class ConsoleCopy
{
    /// <exception cref="OutputClosedException">Nobody reads it any more.</exception>
    internal static async Task RunAsync(Connection daemon, ReadConsoleRequest request, bool raw, CancellationToken ct)
    {
        var sanitizer = raw || !Output.IsTerminal ? null : new ConsoleSanitizer();
        var console = new ResumingConsole(daemon.Console, TimeProvider.System)
        {
            OnInterrupted = () => Output.Error("the daemon went away; waiting for it (the machine goes on)"),
        };
        await foreach (var chunk in console.ReadAsync(request, ct))
        {
            if (chunk.GapBytes > 0)
                Output.Error($"{chunk.GapBytes} bytes of console output were lost here");

            StandardStreams.Write((sanitizer?.Clean(chunk.Data.Span) ?? chunk.Data).Span);
        }

        if (sanitizer is not null)
            StandardStreams.Write(sanitizer.Finish().Span);
    }
}
