using VmHost.Images;
using VmHost.ShimContract.Posix;

namespace VmHost.Tests.Images;

public sealed class ImageFileTests : IDisposable
{
    private static readonly TimeSpan FarBeyondAnyLook = TimeSpan.FromSeconds(30);

    private readonly ImageFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("kernel")]
    [InlineData("a,b")]
    [InlineData(",,")]
    [InlineData("a=b c")]
    [InlineData("it's \"quoted\"")]
    [InlineData("r\u00e9dis \ud83d\ude80")]
    [InlineData("-")]
    public void A_regular_file_is_opened_whatever_its_name(string name)
    {
        using var file = ImageFile.Open(_folder.Write(name, "content"), mayBeEmpty: false, out var status, out var fault);

        Assert.NotNull(file);
        Assert.Empty(fault);
        Assert.Equal(FileType.Regular, status.Type);
        Assert.Equal(7, status.Size);
        Assert.Equal(7, RandomAccess.GetLength(file));
    }

    [Fact]
    public void A_symbolic_link_is_followed_to_the_file()
    {
        var target = _folder.Write("target", "content");
        using var file = ImageFile.Open(_folder.Link("link", target), mayBeEmpty: false, out var status, out _);

        Assert.NotNull(file);
        Assert.Equal(7, status.Size);
    }

    [Fact]
    public void The_facts_are_those_of_the_opened_file_also_when_another_takes_its_name()
    {
        var path = _folder.Write("kernel", "first");
        using var file = ImageFile.Open(path, mayBeEmpty: false, out var status, out _);
        Assert.NotNull(file);

        File.Move(_folder.Write("other", "second one"), path, overwrite: true);

        Assert.True(FileStatus.TryGet(file, out var now));
        Assert.Equal(status.Inode, now.Inode);
        Assert.Equal(5, now.Size);
    }

    [Fact]
    public void What_is_not_there_is_named() =>
        AssertFault(_folder.Path("kernel"), $"'{_folder.Path("kernel")}' does not exist; check the path");

    [Theory]
    [InlineData("kernel")]
    [InlineData("./kernel")]
    [InlineData("~/kernel")]
    [InlineData("-")]
    [InlineData(" /kernel")]
    public void A_relative_path_is_refused(string path) =>
        AssertFault(path, $"'{path}' is relative, and the daemon has another working directory; give an absolute path");

    [Fact]
    public void An_empty_path_is_refused() => AssertFault("", "is empty; give an absolute path");

    [Fact]
    public void A_directory_is_refused()
    {
        AssertFault(_folder.Root, "is a directory; give the path of a file");
        AssertFault("/", "'/' is a directory");
        AssertFault(_folder.Link("link", _folder.Root), "is a directory");
    }

    [Fact]
    public async Task A_fifo_is_refused_without_waiting_for_a_writer()
    {
        var path = _folder.MakeFifo("fifo");

        await WithoutWaiting(() => AssertFault(path, "is a FIFO (named pipe); give the path of a regular file"));
    }

    [Fact]
    public async Task A_device_is_refused_without_opening_it()
    {
        await WithoutWaiting(static () => AssertFault("/dev/zero", "'/dev/zero' is a device; give the path of a regular file"));
        await WithoutWaiting(static () => AssertFault("/dev/tty", "'/dev/tty' is a device"));
    }

    [Fact]
    public void A_link_to_a_device_is_refused() => AssertFault(_folder.Link("link", "/dev/zero"), "is a device");

    [Fact]
    public void A_socket_is_refused() =>
        AssertFault(_folder.MakeSocket("socket"), "is a socket; give the path of a regular file");

    [Fact]
    public void An_empty_file_is_refused_unless_it_may_be_empty()
    {
        var path = _folder.Write("empty", "");

        AssertFault(path, "is empty (0 bytes); give a file with content");
        using var file = ImageFile.Open(path, mayBeEmpty: true, out _, out var fault);
        Assert.NotNull(file);
        Assert.Empty(fault);
    }

    [Fact]
    public void A_link_to_nothing_is_told_from_nothing() =>
        AssertFault(_folder.Link("link", _folder.Path("nothing")), "is a symbolic link to nothing; repair the link");

    [Fact]
    public void Links_in_a_circle_are_told()
    {
        _folder.Link("a", _folder.Path("b"));

        AssertFault(_folder.Link("b", _folder.Path("a")), "leads through symbolic links that form a circle");
    }

    [Fact]
    public void A_path_through_a_file_is_told() =>
        AssertFault(Path.Combine(_folder.Write("file", "x"), "kernel"), "leads through something that is no directory");

    [Fact]
    public void A_part_of_256_bytes_is_too_long()
    {
        AssertFault(_folder.Path(new string('x', 255)), "does not exist");
        AssertFault(_folder.Path(new string('x', 256)), "has a part that is longer than the file system takes (255 bytes)");
    }

    [Fact]
    public void A_path_has_at_most_4095_bytes()
    {
        // A chain of '/.' is the root, however long.
        AssertFault(string.Concat(Enumerable.Repeat("/.", 2047)) + "/", "is a directory");
        AssertFault(string.Concat(Enumerable.Repeat("/.", 2048)), "is 4096 bytes long; a path has at most 4095");
        AssertFault("/" + new string('\u00e9', 2048), "is 4097 bytes long");
    }

    [Fact]
    public void A_path_of_a_megabyte_gives_a_short_message() =>
        Assert.InRange(ImageFile.PathFaultOf("/" + new string('x', 1_000_000))?.Length ?? 0, 1, 300);

    [Theory]
    [InlineData("/images/a\0b", @"'/images/a\u{0}b' contains NUL")]
    [InlineData("/images/a\nb", @"'/images/a\u{a}b' contains a control character")]
    [InlineData("/images/\e]0;pwn\a", @"'/images/\u{1b}]0;pwn\u{7}' contains a control character")]
    [InlineData("/images/\u009b2J", @"'/images/\u{9b}2J' contains a control character")]
    public void A_character_that_no_honest_path_has_is_shown_escaped(string path, string says) => AssertFault(path, says);

    // Not InlineData: an attribute cannot hold half a pair.
    [Fact]
    public void Half_a_surrogate_pair_is_refused_as_another_file_would_be_opened()
    {
        AssertFault("/images/\ud83d", @"'/images/\u{d83d}' is no valid Unicode; rename the file");
        AssertFault("/images/\ufffd\ud83d", "is no valid Unicode");
        Assert.Null(ImageFile.PathFaultOf("/images/\ufffd"));
    }

    [Theory]
    [InlineData("/dev/stdin")]
    [InlineData("/dev/fd/0")]
    [InlineData("/proc/self/mem")]
    [InlineData("/proc/1/environ")]
    public void What_is_another_file_for_each_process_is_refused(string path) =>
        AssertFault(path, $"'{path}' is another file for each process that opens it");

    [Fact]
    public void A_link_does_not_lead_into_proc() => AssertFault(_folder.Link("link", "/proc/self/environ"), "is empty (0 bytes)");

    [Fact]
    public void Something_exists_where_a_file_or_a_broken_link_stands()
    {
        Assert.True(ImageFile.Exists(_folder.Write("file", "")));
        Assert.True(ImageFile.Exists(_folder.Root));
        Assert.True(ImageFile.Exists(_folder.Link("broken", _folder.Path("nothing"))));
        Assert.True(ImageFile.Exists(_folder.Link("circle", _folder.Path("circle"))));
    }

    [Fact]
    public void Nothing_exists_where_nothing_can_stand()
    {
        Assert.False(ImageFile.Exists(_folder.Path("nothing")));
        Assert.False(ImageFile.Exists(Path.Combine(_folder.Write("file", ""), "below")));
        Assert.False(ImageFile.Exists(_folder.Path(new string('x', 256))));
    }

    private static Task WithoutWaiting(Action look) =>
        Task.Run(look, TestContext.Current.CancellationToken)
            .WaitAsync(FarBeyondAnyLook, TimeProvider.System, TestContext.Current.CancellationToken);

    private static void AssertFault(string path, string says)
    {
        using var file = ImageFile.Open(path, mayBeEmpty: false, out _, out var fault);

        Assert.Null(file);
        Assert.Contains(says, fault, StringComparison.Ordinal);
        Assert.DoesNotContain(fault, char.IsControl);
    }
}
