using System.Buffers;
using System.Threading.Channels;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// Reads another stream on a thread of its own, a few blocks ahead: unpacking and hashing one layer goes on beside the writing of another.
/// Memory is bounded by <see cref="Ahead"/> blocks.
/// </summary>
internal sealed class PrefetchStream : ReadOnlyStream
{
    private const int BlockBytes = 256 << 10;
    private const int Ahead = 8;

    private readonly Channel<(byte[] Block, int Length)> _blocks = Channel.CreateBounded<(byte[], int)>(Ahead);
    private readonly CancellationTokenSource _closed = new();
    private readonly Task _reading;
    private (byte[] Block, int Length) _current = ([], 0);
    private int _taken;

    /// <param name="open">Called at once, on the other thread; what it throws, reading throws.</param>
    internal PrefetchStream(Func<Stream> open) => _reading = Task.Run(() => ReadAheadAsync(open), CancellationToken.None);

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || (_taken == _current.Length && !Next()))
            return 0;

        var count = Math.Min(buffer.Length, _current.Length - _taken);
        _current.Block.AsSpan(_taken, count).CopyTo(buffer);
        _taken += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_closed.IsCancellationRequested)
        {
            _closed.Cancel();
            _reading.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).GetAwaiter().GetResult();
            _closed.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Next()
    {
        if (_current.Block.Length > 0)
            ArrayPool<byte>.Shared.Return(_current.Block);
        (_current, _taken) = (([], 0), 0);

        // Throws what reading threw.
        if (!_blocks.Reader.WaitToReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult() || !_blocks.Reader.TryRead(out _current))
            return false;

        return true;
    }

    private async Task ReadAheadAsync(Func<Stream> open)
    {
        Exception? failure = null;
        try
        {
            await using var source = open();
            while (true)
            {
                var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
                var length = source.ReadAtLeast(block.AsSpan(0, BlockBytes), BlockBytes, throwOnEndOfStream: false);
                if (length == 0)
                    break;
                await _blocks.Writer.WriteAsync((block, length), _closed.Token);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
        finally
        {
            _blocks.Writer.TryComplete(failure);
        }
    }
}
