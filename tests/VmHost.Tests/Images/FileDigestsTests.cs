using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class FileDigestsTests : IDisposable
{
    private static readonly DateTimeOffset Written = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly ImageFolder _folder = new();
    private readonly FakeTimeProvider _time = new(Written.AddHours(1));
    private readonly FileDigests _digests;

    public FileDigestsTests() => _digests = new FileDigests(_time);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    public async Task The_digest_is_sha_256_in_lower_case_hex(string content, string digest) =>
        Assert.Equal(digest, await _digests.Sha256Async(Write("kernel", content), Ct));

    [Theory]
    [InlineData((128 * 1024) - 1)]
    [InlineData(128 * 1024)]
    [InlineData((128 * 1024) + 1)]
    [InlineData(1_000_003)]
    public async Task Files_of_more_than_one_buffer_are_read_whole(int length)
    {
        var content = RandomNumberGenerator.GetBytes(length);

        var digest = await _digests.Sha256Async(_folder.Write("kernel", content), Ct);

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), digest);
    }

    [Fact]
    public async Task A_file_that_looks_the_same_is_not_read_again()
    {
        var path = Write("kernel", "first");
        var first = await _digests.Sha256Async(path, Ct);

        Write("kernel", "other");

        Assert.Equal(first, await _digests.Sha256Async(path, Ct));
        Assert.Equal(1, _digests.Count);
    }

    [Fact]
    public async Task A_changed_file_is_read_again()
    {
        var path = Write("kernel", "first");
        await _digests.Sha256Async(path, Ct);

        _folder.Write("kernel", "other");
        File.SetLastWriteTimeUtc(path, Written.UtcDateTime.AddMinutes(1));

        Assert.Equal(Sha256Of("other"), await _digests.Sha256Async(path, Ct));
    }

    [Fact]
    public async Task Another_file_in_its_place_is_read()
    {
        var path = Write("kernel", "first");
        await _digests.Sha256Async(path, Ct);

        File.Move(Write("new", "other"), path, overwrite: true);

        Assert.Equal(Sha256Of("other"), await _digests.Sha256Async(path, Ct));
    }

    [Fact]
    public async Task Two_names_of_one_file_are_remembered_once()
    {
        var path = Write("kernel", "content");
        await _digests.Sha256Async(path, Ct);
        await _digests.Sha256Async(_folder.Link("link", path), Ct);

        Assert.Equal(1, _digests.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(-60)]
    public async Task A_file_that_changed_a_moment_ago_or_will_is_not_remembered(int secondsAgo)
    {
        _time.SetUtcNow(Written.AddHours(2));
        var path = Write("kernel", "first");
        File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime.AddSeconds(-secondsAgo));

        Assert.Equal(Sha256Of("first"), await _digests.Sha256Async(path, Ct));
        Assert.Equal(0, _digests.Count);
    }

    [Fact]
    public async Task A_file_that_was_only_just_read_in_time_is_not_remembered_as_what_it_was_before()
    {
        // While the clock is asked, the file changes within the tick of its last change. If it was asked after the
        // reading, the old digest would be taken for one of a file at rest.
        var path = Write("kernel", "first");
        var digests = new FileDigests(new InterruptedClock(Written.AddHours(1), () => Write("kernel", "other")));

        await digests.Sha256Async(path, Ct);

        Assert.Equal(Sha256Of("other"), await digests.Sha256Async(path, Ct));
    }

    [Fact]
    public async Task Many_at_once_get_the_same_right_digest()
    {
        var content = RandomNumberGenerator.GetBytes(3_000_000);
        var path = _folder.Write("kernel", content);
        File.SetLastWriteTimeUtc(path, Written.UtcDateTime);

        var digests = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Task.Run(() => _digests.Sha256Async(path, Ct), Ct)));

        Assert.All(digests, digest => Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), digest));
        Assert.Equal(1, _digests.Count);
    }

    [Fact]
    public async Task The_first_of_too_many_is_forgotten_first()
    {
        for (var i = 0; i < FileDigests.Capacity; i++)
            await _digests.Sha256Async(Write($"file-{i}", "first"), Ct);
        Assert.Equal(FileDigests.Capacity, _digests.Count);

        await _digests.Sha256Async(Write("one-more", "first"), Ct);
        Assert.Equal(FileDigests.Capacity, _digests.Count);

        Assert.Equal(Sha256Of("first"), await _digests.Sha256Async(Write("file-1", "other"), Ct));
        Assert.Equal(Sha256Of("other"), await _digests.Sha256Async(Write("file-0", "other"), Ct));
    }

    [Fact]
    public async Task A_file_that_grows_for_ever_is_refused_and_not_read_for_ever()
    {
        var path = _folder.WriteSparse("log", 128L * 1024 * 1024);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var grows = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var growth = Task.Run(() => Grow(path, grows, stop.Token), Ct);
        await grows.Task.WaitAsync(Ct);

        try
        {
            var e = await Assert.ThrowsAsync<VmHostException>(() => _digests.Sha256Async(path, Ct));

            Assert.Equal(VmHostError.FailedPrecondition, e.Error);
            Assert.Contains("changed while it was read", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            await stop.CancelAsync();
            await growth;
        }
    }

    [Fact]
    public async Task What_is_not_there_is_told_as_by_an_image()
    {
        var e = await Assert.ThrowsAsync<VmHostException>(() => _digests.Sha256Async(_folder.Path("nothing"), Ct));

        Assert.Equal(VmHostError.FailedPrecondition, e.Error);
        Assert.Contains("does not exist", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fifo_is_not_waited_for()
    {
        var path = _folder.MakeFifo("fifo");

        var e = await Assert.ThrowsAsync<VmHostException>(() => _digests.Sha256Async(path, Ct));

        Assert.Contains("is a FIFO", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_reading_can_be_called_off()
    {
        var path = Write("kernel", "content");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _digests.Sha256Async(path, new CancellationToken(canceled: true)));
        Assert.Equal(0, _digests.Count);
    }

    private static void Grow(string path, TaskCompletionSource grows, CancellationToken stop)
    {
        // Holes, which are made far faster than they are read.
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        while (!stop.IsCancellationRequested)
        {
            file.SetLength(file.Length + (64 * 1024));
            grows.TrySetResult();
        }
    }

    private static string Sha256Of(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    // In place, so the inode stays; the time of change is always the same.
    private string Write(string name, string content)
    {
        var path = _folder.Write(name, content);
        File.SetLastWriteTimeUtc(path, Written.UtcDateTime);
        return path;
    }

    private sealed class InterruptedClock(DateTimeOffset now, Action whenAsked) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            whenAsked();
            return now;
        }
    }
}
