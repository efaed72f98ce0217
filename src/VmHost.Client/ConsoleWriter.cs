using Google.Protobuf;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>Console input that waits for a daemon which is being restarted, and is never typed twice.</summary>
/// <param name="console">The service.</param>
/// <param name="time">The clock.</param>
public sealed class ConsoleWriter(ConsoleService.ConsoleServiceClient console, TimeProvider time)
{
    /// <summary>What one call takes, in bytes.</summary>
    public const int MaxLength = 64 << 10;

    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Reconnection.DefaultLimit;

    /// <summary>Write also if an attached client is the writer; it remains the writer.</summary>
    public bool Force { get; init; }

    /// <summary>Types bytes. Returns when they are in the terminal's queue.</summary>
    /// <param name="machine">Name or id.</param>
    /// <param name="data">At most <see cref="MaxLength"/> bytes.</param>
    /// <param name="ct">Gives up; the bytes may have been typed. Nothing else does at a guest that does not read.</param>
    /// <returns>The answer; null when the daemon went away while it had the bytes, and whether they were typed is not known.</returns>
    /// <exception cref="RpcException">As WriteConsole; UNAVAILABLE when the daemon did not come back in time.</exception>
    public Task<WriteConsoleResponse?> WriteAsync(string machine, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        var request = new WriteConsoleRequest { Machine = machine, Data = ByteString.CopyFrom(data.Span), Force = Force };
        return Reconnection.WhenReachedAsync(AttemptAsync, GiveUpAfter, time, ct);

        async Task<WriteConsoleResponse?> AttemptAsync()
        {
            try
            {
                return await console.WriteConsoleAsync(request, cancellationToken: ct);
            }
            catch (RpcException e) when (Reconnection.IsInterruptionOfReached(e))
            {
                return null;
            }
        }
    }
}
