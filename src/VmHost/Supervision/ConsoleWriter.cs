using System.Diagnostics.CodeAnalysis;
using VmHost.Posix;
using VmHost.ShimContract.Wire;
using VmHost.Specs;

namespace VmHost.Supervision;

/// <summary>
/// Writes to a boot's console over a connection of its own, so that a guest that does not read holds up those who write to it
/// and nobody else. It is kept from one key to the next.
/// </summary>
/// <param name="address">The shim's.</param>
/// <param name="takesInputAt">Whether the shim takes <see cref="FrameType.InputAt"/>.</param>
internal sealed class ConsoleWriter(ShimAddress address, bool takesInputAt) : IAsyncDisposable
{
    // One writer at a time; guards _connection, but for the reading of it in DisposeAsync. Never disposed of: the last writer
    // gives it back afterwards.
    [SuppressMessage("Usage", "CA2213", Justification = "Said above. It holds nothing that outlives it.")]
    private readonly SemaphoreSlim _gate = new(1, 1);

    private ShimConnection? _connection;
    private volatile bool _isDisposed;

    /// <summary>Returns when all of it is in the terminal's queue.</summary>
    /// <param name="data">What a keyboard would send.</param>
    /// <param name="at">
    /// Its place in a client's input, by which it is written once however often it is sent; null for input without a place. A shim of
    /// an earlier version writes it each time.
    /// </param>
    /// <param name="ct">Gives up; a part may have been written.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: the terminal takes none, or the machine ended.</exception>
    internal async Task WriteAsync(ReadOnlyMemory<byte> data, InputAt? at, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            _connection ??= await address.OpenAsync(grown: null, monitorSaid: null, ct);
            if (_isDisposed)
                throw new IOException("the connection to the shim is closed");

            while (!data.IsEmpty)
            {
                var part = data[..Math.Min(data.Length, InputAt.MaxData)];
                var error = at is { } place && takesInputAt
                    ? await _connection.RequestAsync(FrameType.InputAt, place.ToPayload(part.Span), ct)
                    : await _connection.RequestAsync(FrameType.Input, part, ct);
                if (error != 0)
                    throw new VmHostException(VmHostError.FailedPrecondition, new PosixException("the console takes no input now", error).Message);

                data = data[part.Length..];
                at = at is { } done ? done with { Offset = done.Offset + part.Length } : null;
            }
        }
        catch (Exception e)
        {
            // What was asked may still be answered: the next one who writes must not take that for theirs.
            await CloseAsync();
            if (e is SocketLostException)
                throw new VmHostException(VmHostError.FailedPrecondition, e.Message);
            if (e is IOException)
                throw new VmHostException(VmHostError.FailedPrecondition, $"the console could not be written to: {e.Message}");

            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Closes the connection, without waiting for one who writes to a guest that does not read.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        if (Volatile.Read(ref _connection) is { } connection)
            await connection.DisposeAsync();
    }

    private async Task CloseAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            await connection.DisposeAsync();
        }
    }
}
