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
        Gen.Select(Gen.Byte.Array[0, 300].Array[0, 20], Gen.Int[1, 100], Gen.Int[1, 500]).Sample(
            (pieces, segment, read) =>
            {
                using var directory = new TemporaryDirectory();
                using var writer = new JournalWriter(directory.Path, new(1 << 20, segment), 1, _time);
                foreach (var piece in pieces)
                    writer.Append(piece);

                return ReadAll(directory.Path, 0, read).AsSpan().SequenceEqual(pieces.SelectMany(piece => piece).ToArray());
            },
            iter: 200);

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
