using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using VmHost.ShimContract.Journal;
using VmHost.TestKit;

namespace VmHost.Tests.Journal;

/// <summary>An index on a disk that is full in the middle of a record.</summary>
public sealed class FullIndexTests : IAsyncLifetime
{
    private const int PageBytes = 4096;

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private Process? _mount;

    // In a mount namespace of its own, for which one need not be root.
    private string Disk => $"/proc/{_mount!.Id}/root{_directory.Path}";

    private string Filler => Path.Combine(Disk, "filler");

    public async ValueTask InitializeAsync()
    {
        var start = new ProcessStartInfo("unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=256k none \"$0\" && echo mounted && exec cat", _directory.Path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        _mount = Process.Start(start)!;
        Assert.Equal("mounted", await _mount.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        _mount!.StandardInput.Close();
        await _mount.WaitForExitAsync(CancellationToken.None);
        _mount.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_record_that_was_written_in_part_is_undone_so_that_those_after_it_are_found()
    {
        using var writer = new JournalWriter(Disk, JournalLimits.Default, 1, _time);
        var index = JournalFormat.IndexPath(Disk, 0);
        var inFirstPage = PageBytes / JournalIndexRecord.Size;
        while (new FileInfo(index).Length / JournalIndexRecord.Size < inFirstPage)
            WriteWithRecord(writer);
        Fill();

        WriteWithRecord(writer);
        Assert.Equal(inFirstPage * JournalIndexRecord.Size, new FileInfo(index).Length);
        File.Delete(Filler);
        WriteWithRecord(writer);

        Assert.Equal((inFirstPage + 1) * JournalIndexRecord.Size, new FileInfo(index).Length);
        using var clock = new JournalClock(Disk);
        Assert.Equal(_time.GetUtcNow(), clock.At(writer.End - 1).WrittenAt, TimeSpan.FromMilliseconds(200));
        Assert.Equal(1, JournalIndex.Boots(Disk).Single().Number);
    }

    private void WriteWithRecord(JournalWriter writer)
    {
        _time.Advance(TimeSpan.FromMilliseconds(100));
        writer.Append("."u8);
    }

    // Byte by byte at the end, so that no page is left.
    private void Fill()
    {
        using var filler = new FileStream(Filler, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1);
        for (var size = PageBytes; size > 0;)
        {
            try
            {
                filler.Write(new byte[size]);
                filler.Flush();
            }
            catch (IOException)
            {
                size /= 2;
            }
        }
    }
}
