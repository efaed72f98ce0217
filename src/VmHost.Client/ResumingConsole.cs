using System.Runtime.CompilerServices;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>A piece of console output.</summary>
/// <param name="Offset">Of its first byte in the machine's whole output.</param>
/// <param name="Data">Empty when only a gap is told, or where the output begins.</param>
/// <param name="GapBytes">Bytes that are lost between the piece before and this one.</param>
/// <param name="WrittenAt">When its last byte was written, to about 100 ms; null where that was not asked for.</param>
/// <param name="Boot">The boot that wrote it, from 1; 0 where that is not known or was not asked for.</param>
public readonly record struct ConsoleChunk(
    long Offset, ReadOnlyMemory<byte> Data, long GapBytes, DateTimeOffset? WrittenAt = null, int Boot = 0);

/// <summary>
/// Console output that goes on where it was when the daemon is restarted in between: no byte is lost and none comes
/// twice.
/// </summary>
/// <param name="console">The service.</param>
/// <param name="time">The clock.</param>
public sealed class ResumingConsole(ConsoleService.ConsoleServiceClient console, TimeProvider time)
{
    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Reconnection.DefaultLimit;

    /// <summary>Called when the daemon went away and is waited for.</summary>
    public Action? OnInterrupted { get; init; }

    /// <summary>The daemon was there a moment ago: wait for it too if it is not at the first call.</summary>
    public bool WasReached { get; init; }

    /// <summary>The output that <paramref name="request"/> asks for.</summary>
    /// <param name="request">Not changed.</param>
    /// <param name="ct">Ends the stream.</param>
    /// <exception cref="RpcException">As ReadConsole; UNAVAILABLE when the daemon did not come back in time.</exception>
    public async IAsyncEnumerable<ConsoleChunk> ReadAsync(ReadConsoleRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        // Until something came, what was asked for is asked again; from then on what follows it.
        var current = request.Clone();

        // "The last boot" may be another one when it is asked for again: from the first message on it has a number.
        current.WithTimes |= request.HasBoot && request.Boot <= 0;
        var stream = new ResumingStream(time, GiveUpAfter, OnInterrupted, WasReached);
        await foreach (var response in stream.ReadAsync(token => console.ReadConsole(current, cancellationToken: token), ct))
        {
            current.Offset = response.Offset + response.Data.Length;
            if (current.HasBoot && response.Boot > 0)
                current.Boot = response.Boot;

            yield return new(response.Offset, response.Data.Memory, response.GapBytes, response.WriteTime?.ToDateTimeOffset(), response.Boot);
        }
    }
}
