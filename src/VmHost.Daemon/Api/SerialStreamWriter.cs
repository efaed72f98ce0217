using System.Diagnostics.CodeAnalysis;
using Grpc.Core;

namespace VmHost.Daemon.Api;

/// <summary>A response stream for several callers at once: gRPC takes one message at a time.</summary>
/// <param name="inner">The stream.</param>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore's wait handle is never made.")]
internal sealed class SerialStreamWriter<T>(IServerStreamWriter<T> inner) : IServerStreamWriter<T>
{
    private readonly SemaphoreSlim _gate = new(1, 1);

    public WriteOptions? WriteOptions
    {
        get => inner.WriteOptions;
        set => inner.WriteOptions = value;
    }

    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            await inner.WriteAsync(message, cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }
}
