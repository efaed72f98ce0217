using VmHost.Posix;
using VmHost.ShimContract.Wire;

namespace VmHost.Supervision.Qmp;

/// <summary>QEMU's monitor by way of the shim, which holds its other end and has negotiated capabilities.</summary>
internal sealed class QmpShimChannel : IQmpChannel
{
    private readonly QmpLineBuffer _line = new();
    private readonly QmpLineHandler _said;
    private ShimConnection? _shim;

    private QmpShimChannel(QmpLineHandler said) => _said = said;

    public Task Closed => _shim!.Closed;

    /// <summary>
    /// Opens it and returns once QEMU has set up the machine and accepts commands. Another client, such as a daemon that
    /// hangs, is cut off: this one has proved that the machine is its own.
    /// </summary>
    /// <exception cref="IOException">The shim cannot be reached, or has no monitor.</exception>
    internal static async Task<QmpShimChannel> OpenAsync(ShimAddress address, QmpLineHandler said, CancellationToken ct)
    {
        var channel = new QmpShimChannel(said);
        channel._shim = await address.OpenAsync(grown: null, channel.Take, ct);
        return channel;
    }

    public async Task SendAsync(ReadOnlyMemory<byte> request, CancellationToken ct)
    {
        var error = await _shim!.RequestAsync(FrameType.ToMonitor, request, ct);
        if (error != 0)
            throw new PosixException("QEMU's monitor takes no request", error);
    }

    public ValueTask DisposeAsync() => _shim!.DisposeAsync();

    private void Take(ReadOnlySpan<byte> payload)
    {
        if (!payload.IsEmpty)
            _line.Add(payload[1..], isLast: payload[0] == 0, _said);
    }
}
