using CsCheck;
using Microsoft.Extensions.Time.Testing;
using VmHost.ShimContract.Journal;
using VmHost.TestKit;

namespace VmHost.Tests.Journal;

public sealed class JournalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_is_appended_in_any_pieces_is_read_in_any_pieces() =>
        Gen.Select(Gen.Byte.Array[0, 300].Array[0, 10], Gen.Int[50, 200], Gen.Int[1, 500]).Sample(
            (pieces, segment, read) =>
            {
                using var directory = new TemporaryDirectory();
                using var writer = new JournalWriter(directory.Path, new(1 << 20, segment), 1, _time);
                foreach (var piece in pieces)
                    writer.Append(piece);

                return ReadAll(directory.Path, 0, read).AsSpan().SequenceEqual(pieces.SelectMany(piece => piece).ToArray());
            },
            iter: 40);

    [Fact]
    public void Whatever_a_disk_loses_a_reader_gives_what_is_left_in_order_and_counts_the_rest()
    {
        var output = Output(2000);
        var random = new Random(11);
        for (var round = 0; round < 300; round++)
        {
            using var directory = new TemporaryDirectory();
            using (var writer = new JournalWriter(directory.Path, new(1 << 20, 150), 1, _time))
                writer.Append(output);

            // A power failure: files that are shorter than they were, or not there.
            var kept = new bool[output.Length];
            foreach (var (path, start) in JournalFormat.Segments(directory.Path).Select(start => (JournalFormat.SegmentPath(directory.Path, start), start)).ToList())
            {
                var length = random.Next(4) == 0 ? random.Next(151) : 150;
                if (random.Next(8) == 0)
                    File.Delete(path);
                else if (length < new FileInfo(path).Length)
                    File.WriteAllBytes(path, File.ReadAllBytes(path)[..length]);

                var left = File.Exists(path) ? (int)new FileInfo(path).Length : 0;
                Array.Fill(kept, true, (int)start, left);
            }

            using var reader = new JournalReader(directory.Path, random.Next(3) == 0 ? random.Next(output.Length) : 0);
            var (expected, buffer) = (reader.Position, new byte[random.Next(1, 400)]);
            while (reader.Read(buffer) is { Count: > 0 } read)
            {
                Assert.Equal(expected + read.GapBytes, read.Offset);
                Assert.DoesNotContain(true, kept[(int)expected..(int)read.Offset]);
                Assert.Equal(output[(int)read.Offset..(int)(read.Offset + read.Count)], buffer[..read.Count]);
                expected = read.Offset + read.Count;
            }

            Assert.DoesNotContain(true, kept[(int)expected..]);
        }
    }

    [Fact]
    public void A_guest_that_writes_a_little_all_the_time_makes_no_large_index()
    {
        using (var writer = new JournalWriter(_directory.Path, JournalLimits.Default, 1, _time))
        {
            // A byte each tenth of a second, for three hours.
            for (var i = 0; i < 108_000; i++)
            {
                writer.Append("."u8);
                _time.Advance(TimeSpan.FromMilliseconds(100));
                writer.Tick();
            }
        }

        var index = new FileInfo(Directory.EnumerateFiles(_directory.Path, "*.idx").Single()).Length;
        Assert.InRange(index, 1 << 20, (1 << 20) + (100 << 10));

        // Every tenth of a second at first, then every ten.
        using var clock = new JournalClock(_directory.Path);
        Assert.InRange(clock.At(100).Until, 101, 102);
        Assert.InRange(clock.At(100_000).Until, 100_001, 100_101);
    }

    [Fact]
    public void The_cap_holds_to_the_byte_and_a_reader_behind_it_is_told_the_gap()
    {
        using var writer = new JournalWriter(_directory.Path, new(800, 100), 1, _time);
        writer.Append(Enumerable.Range(0, 5000).Select(number => (byte)number).ToArray());

        Assert.True(Directory.EnumerateFiles(_directory.Path, "*.log").Sum(file => new FileInfo(file).Length) <= 800);
        using var reader = new JournalReader(_directory.Path, 10);
        var buffer = new byte[10];
        var read = reader.Read(buffer);
        Assert.Equal(read.Offset - 10, read.GapBytes);
        Assert.Equal((byte)read.Offset, buffer[0]);
        Assert.Equal(5000, JournalReader.Bounds(_directory.Path).End);
    }

    [Fact]
    public void A_new_boot_goes_on_at_the_end()
    {
        using (var first = new JournalWriter(_directory.Path, JournalLimits.Default, 1, _time))
            first.Append("one "u8);

        using var second = new JournalWriter(_directory.Path, JournalLimits.Default, 2, _time);
        second.Append("two"u8);

        Assert.Equal(4, second.Start);
        Assert.Equal("one two"u8.ToArray(), ReadAll(_directory.Path, 0, 64));
    }

    [Fact]
    public void A_torn_index_record_is_cut_off_when_the_segment_is_opened_again()
    {
        using (var first = new JournalWriter(_directory.Path, JournalLimits.Default, 1, _time))
            first.Append("x"u8);
        var index = JournalFormat.IndexPath(_directory.Path, 0);
        File.AppendAllText(index, "torn");

        using var second = new JournalWriter(_directory.Path, JournalLimits.Default, 2, _time);

        Assert.Equal(0, new FileInfo(index).Length % JournalIndexRecord.Size);
    }

    [Fact]
    public void A_follower_finds_what_comes_after_it_reached_the_end()
    {
        using var writer = new JournalWriter(_directory.Path, new(1 << 20, 10), 1, _time);
        using var reader = new JournalReader(_directory.Path, 0);
        var buffer = new byte[100];
        Assert.Equal(0, reader.Read(buffer).Count);

        writer.Append("0123456789abc"u8);

        Assert.Equal(10, reader.Read(buffer).Count);
        Assert.Equal(3, reader.Read(buffer).Count);
        Assert.Equal(0, reader.Read(buffer).Count);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(Held)]
    public void What_the_disk_refused_and_was_held_is_written_when_it_takes_again(int refused)
    {
        using var writer = Writer();
        var output = Output(SegmentBytes + refused);
        WhileTheDiskRefuses(() => writer.Append(output));
        Assert.Equal(SegmentBytes, writer.End);

        _time.Advance(TimeSpan.FromSeconds(1));
        writer.Tick();

        Assert.Equal((output.Length, 0), (writer.End, writer.LostBytes));
        Assert.Equal(output, ReadAll(_directory.Path, 0, 4096));
    }

    [Fact]
    public void What_could_not_be_held_is_a_counted_gap_and_the_newest_output_follows_it()
    {
        const int lost = 5000;
        using var writer = Writer();
        var output = Output(SegmentBytes + lost + Held);
        WhileTheDiskRefuses(() =>
        {
            foreach (var piece in output.Chunk(777))
            {
                writer.Append(piece);
                _time.Advance(TimeSpan.FromMilliseconds(50));   // so that it tries again meanwhile, in vain
            }
        });
        Assert.Equal((SegmentBytes, 0), (writer.End, writer.LostBytes));

        _time.Advance(TimeSpan.FromSeconds(1));
        writer.Tick();

        Assert.Equal((output.Length, lost), (writer.End, writer.LostBytes));
        using var reader = new JournalReader(_directory.Path, 0);
        var buffer = new byte[SegmentBytes];
        Assert.Equal(new JournalRead(0, SegmentBytes, 0), reader.Read(buffer));
        Assert.Equal(new JournalRead(SegmentBytes + lost, SegmentBytes, lost), reader.Read(buffer));
        Assert.Equal(output[^Held..], ReadAll(_directory.Path, SegmentBytes + lost, 4096));
    }

    [Fact]
    public void A_boot_that_ends_while_the_disk_refuses_tries_once_more()
    {
        using var writer = Writer();
        var output = Output(SegmentBytes + 1000);
        WhileTheDiskRefuses(() => writer.Append(output));

        writer.Finish();

        Assert.Equal(output, ReadAll(_directory.Path, 0, 4096));
    }

    [Fact]
    public void What_a_boot_cannot_write_to_its_end_is_counted_as_lost()
    {
        using var writer = Writer();
        WhileTheDiskRefuses(() =>
        {
            writer.Append(Output(SegmentBytes + Held + 1000));
            writer.Finish();
        });

        Assert.Equal((SegmentBytes, Held + 1000), (writer.End, writer.LostBytes));
    }

    private const int SegmentBytes = 10_000;
    private const int Held = 256 << 10;

    private JournalWriter Writer() => new(_directory.Path, new(1 << 20, SegmentBytes), 1, _time);

    private static byte[] Output(int size)
    {
        var output = new byte[size];
        new Random(size).NextBytes(output);
        return output;
    }

    // No file can be made in a directory that is not there, whoever asks.
    private void WhileTheDiskRefuses(Action action)
    {
        var away = _directory.Path + ".away";
        Directory.Move(_directory.Path, away);
        action();
        Directory.Move(away, _directory.Path);
    }

    private static byte[] ReadAll(string directory, long offset, int size)
    {
        using var reader = new JournalReader(directory, offset);
        var all = new MemoryStream();
        var buffer = new byte[size];
        int count;
        while ((count = reader.Read(buffer).Count) > 0)
            all.Write(buffer, 0, count);
        return all.ToArray();
    }
}
