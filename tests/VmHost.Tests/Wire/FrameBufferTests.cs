using VmHost.ShimContract.Wire;

namespace VmHost.Tests.Wire;

public sealed class FrameBufferTests
{
    [Fact]
    public void Frames_of_all_sizes_come_out_as_they_went_in_whatever_the_pieces()
    {
        int[] sizes = [0, 1, 6, 503, 504, 505, 1000, 4096, 40_000, Frame.MaxPayload, 3];
        var random = new Random(3);
        var frames = sizes.Select(size =>
        {
            var payload = new byte[size];
            random.NextBytes(payload);
            return payload;
        }).ToList();
        var stream = frames.SelectMany(payload => Frame.Of(FrameType.Input, payload)).ToArray();

        foreach (var largest in (int[])[1, 7, 512, 5000, 100_000])
        {
            var buffer = new FrameBuffer();
            var taken = new List<byte[]>();
            for (var at = 0; at < stream.Length;)
            {
                var free = buffer.Free.Span;
                Assert.False(free.IsEmpty);
                var count = Math.Min(Math.Min(free.Length, largest), stream.Length - at);
                stream.AsSpan(at, count).CopyTo(free);
                buffer.Received(count);
                at += count;
                while (buffer.TryTake(out var type, out var payload))
                {
                    Assert.Equal(FrameType.Input, type);
                    taken.Add(payload.ToArray());
                }
            }

            Assert.Equal(frames, taken);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(Frame.MaxSize)]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    public void A_length_that_no_frame_has_is_told(int length)
    {
        var buffer = new FrameBuffer();
        BitConverter.TryWriteBytes(buffer.Free.Span, length);
        buffer.Received(4);

        Assert.Throws<InvalidDataException>(() => buffer.TryTake(out _, out _));
    }
}
