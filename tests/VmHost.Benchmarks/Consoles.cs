using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Benchmarks;

internal static class Consoles
{
    /// <summary>The whole console until the machine ends.</summary>
    /// <param name="channel">To the daemon.</param>
    /// <param name="machine">Its name.</param>
    /// <param name="onFirst">Called when the first byte has arrived.</param>
    internal static async Task<byte[]> ReadAsync(ChannelBase channel, string machine, Action? onFirst = null)
    {
        var console = new MemoryStream();
        var reader = new ResumingConsole(new ConsoleService.ConsoleServiceClient(channel), TimeProvider.System);
        await foreach (var chunk in reader.ReadAsync(new() { Machine = machine, Offset = 0, Follow = true }, CancellationToken.None))
        {
            if (console.Length == 0)
                onFirst?.Invoke();

            console.Write(chunk.Data.Span);
        }

        return console.ToArray();
    }
}
