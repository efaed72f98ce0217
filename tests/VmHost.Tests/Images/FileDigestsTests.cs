using Microsoft.Extensions.Time.Testing;
using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class FileDigestsTests : IDisposable
{
    // Of "abc", from FIPS 180-2.
    private const string Abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly FileDigests _digests;

    public FileDigestsTests() => _digests = new(_time);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_digest_is_sha_256_in_lower_case_hex() =>
        Assert.Equal(Abc, await DigestAsync(_folder.Write("file", "abc")));

    [Fact]
    public async Task A_file_of_many_buffers_has_the_digest_of_the_whole()
    {
        var content = new byte[1_000_003];
        new Random(1).NextBytes(content);

        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)),
            await DigestAsync(_folder.Write("file", content)));
    }

    [Fact]
    public async Task A_file_that_looks_unchanged_is_not_read_again()
    {
        var path = _folder.Write("file", "abc");
        var changed = File.GetLastWriteTimeUtc(path);
        File.SetLastWriteTimeUtc(path, changed);
        _time.Advance(TimeSpan.FromMinutes(1));
        await DigestAsync(path);

        // The one change that cannot be seen shows that the answer was remembered.
        _folder.Write("file", "xyz");
        File.SetLastWriteTimeUtc(path, changed);

        Assert.Equal(Abc, await DigestAsync(path));
    }

    [Fact]
    public async Task A_file_that_changed_is_read_again()
    {
        var path = _folder.Write("file", "xyz");
        _time.Advance(TimeSpan.FromMinutes(1));
        await DigestAsync(path);

        _folder.Write("file", "abc");
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddSeconds(1));

        Assert.Equal(Abc, await DigestAsync(path));
    }

    [Fact]
    public async Task A_file_that_changed_a_moment_ago_is_not_remembered()
    {
        await DigestAsync(_folder.Write("file", "abc"));

        Assert.Equal(0, _digests.Count);
    }

    [Fact]
    public async Task A_change_within_the_tick_of_the_last_one_is_not_overlooked()
    {
        // The file changes while the clock is asked. If it was asked after the reading, the digest of what had been there
        // before would be taken for that of a file at rest.
        var path = _folder.Write("file", "xyz");
        var changed = File.GetLastWriteTimeUtc(path);
        var clock = new InterruptedClock(_time.GetUtcNow().AddMinutes(1), () =>
        {
            _folder.Write("file", "abc");
            File.SetLastWriteTimeUtc(path, changed);
        });
        var digests = new FileDigests(clock);

        await digests.Sha256Async(path, TestContext.Current.CancellationToken);

        Assert.Equal(Abc, await digests.Sha256Async(path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_file_that_grows_for_ever_is_refused_and_not_read_for_ever()
    {
        var ct = TestContext.Current.CancellationToken;
        var path = _folder.WriteSparse("log", 128L << 20);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var grows = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var growth = Task.Run(() => Grow(path, grows, stop.Token), ct);
        await grows.Task.WaitAsync(ct);

        try
        {
            var e = await Assert.ThrowsAsync<VmHostException>(() => DigestAsync(path));

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
    public async Task Names_of_one_file_share_a_digest()
    {
        var path = _folder.Write("file", "abc");
        _time.Advance(TimeSpan.FromMinutes(1));

        await DigestAsync(path);
        await DigestAsync(_folder.Link("link", path));

        Assert.Equal(1, _digests.Count);
    }

    [Fact]
    public async Task No_more_files_are_remembered_than_there_is_room_for()
    {
        _time.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < FileDigests.Capacity + 10; i++)
            await DigestAsync(_folder.Write($"file{i}", "abc"));

        Assert.Equal(FileDigests.Capacity, _digests.Count);
    }

    [Fact]
    public async Task Many_may_ask_at_once()
    {
        var paths = Enumerable.Range(0, 20).Select(i => _folder.Write($"file{i}", "abc")).ToArray();
        _time.Advance(TimeSpan.FromMinutes(1));

        var digests = await Task.WhenAll(Enumerable.Range(0, 400).Select(i => Task.Run(() => DigestAsync(paths[i % 20]))));

        Assert.All(digests, digest => Assert.Equal(Abc, digest));
        Assert.Equal(20, _digests.Count);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_a_failed_precondition()
    {
        var e = await Assert.ThrowsAsync<VmHostException>(() => DigestAsync(_folder.File("none")));

        Assert.Equal(VmHostError.FailedPrecondition, e.Error);
    }

    [Fact]
    public async Task The_reading_can_be_called_off()
    {
        var path = _folder.WriteSparse("huge", 1L << 42);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _digests.Sha256Async(path, new CancellationToken(canceled: true)));
    }

    // By holes, which are made far faster than they are read.
    private static void Grow(string path, TaskCompletionSource grows, CancellationToken stop)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        while (!stop.IsCancellationRequested)
        {
            file.SetLength(file.Length + (64 * 1024));
            grows.TrySetResult();
        }
    }

    private Task<string> DigestAsync(string path) => _digests.Sha256Async(path, TestContext.Current.CancellationToken);

    private sealed class InterruptedClock(DateTimeOffset now, Action whenAsked) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            whenAsked();
            return now;
        }
    }
}
