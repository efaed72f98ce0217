using System.Runtime.CompilerServices;
using Grpc.Core;
using Polly;
using Polly.Retry;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>A piece of console output.</summary>
/// <param name="Offset">Of its first byte in the machine's whole output.</param>
/// <param name="Data">Empty when only a gap is told.</param>
/// <param name="GapBytes">Bytes that are lost between the piece before and this one.</param>
public readonly record struct ConsoleChunk(long Offset, ReadOnlyMemory<byte> Data, long GapBytes);

/// <summary>
/// Console output that goes on where it was when the daemon is restarted in between: no byte is lost and none comes
/// twice.
/// </summary>
/// <param name="console">The service.</param>
/// <param name="time">The clock.</param>
public sealed class ResumingConsole(ConsoleService.ConsoleServiceClient console, TimeProvider time)
{
    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Called when the daemon went away and is waited for.</summary>
    public Action? OnInterrupted { get; init; }

    /// <summary>The output that <paramref name="request"/> asks for.</summary>
    /// <param name="request">Not changed.</param>
    /// <param name="ct">Ends the stream.</param>
    /// <exception cref="RpcException">As ReadConsole; UNAVAILABLE when the daemon did not come back in time.</exception>
    public async IAsyncEnumerable<ConsoleChunk> ReadAsync(ReadConsoleRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        var current = request.Clone();
        var call = console.ReadConsole(current, cancellationToken: ct);
        try
        {
            while (true)
            {
                bool more;
                try
                {
                    more = await call.ResponseStream.MoveNext(ct);
                }
                catch (RpcException e) when (IsInterruption(e) && current.StartCase == ReadConsoleRequest.StartOneofCase.Offset)
                {
                    // Where to go on is known once something came, or was asked for as an offset.
                    OnInterrupted?.Invoke();
                    call.Dispose();
                    call = await ReopenAsync(current, ct);
                    continue;
                }

                if (!more)
                    yield break;

                var response = call.ResponseStream.Current;
                current.Offset = response.Offset + response.Data.Length;
                yield return new(response.Offset, response.Data.Memory, response.GapBytes);
            }
        }
        finally
        {
            call.Dispose();
        }
    }

    // A daemon that ends properly says UNAVAILABLE; one that is killed breaks the connection, which reads the same.
    private static bool IsInterruption(RpcException e) => e.StatusCode == StatusCode.Unavailable;

    private async Task<AsyncServerStreamingCall<ReadConsoleResponse>> ReopenAsync(ReadConsoleRequest request, CancellationToken ct)
    {
        var untilReachable = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddTimeout(GiveUpAfter)
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<RpcException>(IsInterruption),
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(50),
                MaxDelay = TimeSpan.FromSeconds(1),
                MaxRetryAttempts = int.MaxValue,
            })
            .Build();
        try
        {
            return await untilReachable.ExecuteAsync(
                async token =>
                {
                    var call = console.ReadConsole(request, cancellationToken: ct);
                    try
                    {
                        // The headers come once the daemon has looked the machine up.
                        await call.ResponseHeadersAsync.WaitAsync(token);
                        return call;
                    }
                    catch
                    {
                        call.Dispose();
                        throw;
                    }
                },
                ct);
        }
        catch (Polly.Timeout.TimeoutRejectedException)
        {
            throw new RpcException(new(StatusCode.Unavailable, $"the daemon went away and did not come back within {GiveUpAfter.TotalSeconds:0} s"));
        }
    }
}
