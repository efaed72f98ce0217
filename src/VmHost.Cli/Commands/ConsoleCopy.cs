using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Console output to stdout: exact where it is piped, harmless on a terminal.</summary>
internal static class ConsoleCopy
{
    /// <summary>A console that waits for a daemon which goes away, and says so.</summary>
    internal static ResumingConsole Reader(Connection daemon, bool wasReached = false) =>
        new(daemon.Console, TimeProvider.System)
        {
            OnInterrupted = TellInterrupted,
            WasReached = wasReached,
        };

    internal static void TellInterrupted() => Output.Error("the daemon went away; waiting for it (the machine goes on)");

    internal static void TellGap(long bytes)
    {
        if (bytes > 0)
            Output.Error($"{bytes} bytes of console output were lost here");
    }

    /// <exception cref="OutputClosedException">Nobody reads it any more.</exception>
    internal static async Task RunAsync(Connection daemon, ReadConsoleRequest request, CancellationToken ct)
    {
        var sanitizer = Output.IsTerminal ? new ConsoleSanitizer() : null;
        await foreach (var chunk in Reader(daemon).ReadAsync(request, ct))
        {
            if (chunk.GapBytes > 0 && sanitizer is not null)
            {
                StandardStreams.Write(sanitizer.Finish().Span);
                sanitizer = new();
            }

            TellGap(chunk.GapBytes);
            StandardStreams.Write((sanitizer?.Clean(chunk.Data.Span) ?? chunk.Data).Span);
        }

        if (sanitizer is not null)
            StandardStreams.Write(sanitizer.Finish().Span);
    }
}
