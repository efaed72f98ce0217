using VmHost.ShimContract.Journal;
using VmHost.TestKit;

namespace VmHost.Tests.Journal;

/// <summary>A reader at the end of a segment while the writer goes on to the next one.</summary>
public sealed class JournalRaceTests
{
    private const int Rounds = 60;
    private const int Segment = 48;
    private const int Piece = 8;
    private const int Size = 100 * Segment;

    [Fact]
    public async Task A_follower_that_keeps_up_loses_nothing_where_segments_meet()
    {
        var output = new byte[Size];
        new Random(3).NextBytes(output);
        for (var round = 0; round < Rounds; round++)
        {
            using var directory = new TemporaryDirectory();
            using var writer = new JournalWriter(directory.Path, new(1 << 20, Segment), 1, TimeProvider.System);
            var reading = Task.Run(() => Follow(directory.Path), TestContext.Current.CancellationToken);
            for (var at = 0; at < Size; at += Piece)
                writer.Append(output.AsSpan(at, Piece));

            Assert.Equal(output, await reading.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        }
    }

    private static byte[] Follow(string directory)
    {
        using var reader = new JournalReader(directory, 0);
        var all = new byte[Size];
        while (reader.Position < Size)
        {
            var read = reader.Read(all.AsSpan((int)reader.Position));
            Assert.Equal(0, read.GapBytes);
        }

        return all;
    }
}
