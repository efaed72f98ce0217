using System.Net.Sockets;
using VmHost.Images;
using VmHost.Posix;

namespace VmHost.Tests.Images;

public sealed class ImageFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_regular_file_is_opened_and_described()
    {
        var path = _folder.Write("file", "hello");

        using var file = ImageFile.Open(path, mayBeEmpty: false, out var status, out var fault);

        Assert.Equal("", fault);
        Assert.NotNull(file);
        var content = new byte[10];
        Assert.Equal(5, RandomAccess.Read(file, content, 0));
        Assert.Equal((FileType.Regular, 5L, 1u), (status.Type, status.Size, status.LinkCount));
    }

    [Fact]
    public void Links_are_followed()
    {
        var path = _folder.Link("link", _folder.Write("file", "hello"));

        using var file = ImageFile.Open(path, mayBeEmpty: false, out var status, out _);

        Assert.NotNull(file);
        Assert.Equal(5, status.Size);
    }

    [Fact]
    public void A_file_that_is_not_there_is_said_to_be_missing() =>
        Assert.Contains("does not exist", FaultOf(_folder.File("nothing")), StringComparison.Ordinal);

    [Fact]
    public void A_link_to_nothing_is_called_one() =>
        Assert.Contains("symbolic link to nothing", FaultOf(_folder.Link("link", "nowhere")), StringComparison.Ordinal);

    [Fact]
    public void Links_in_a_circle_are_called_so()
    {
        _folder.Link("a", _folder.File("b"));

        Assert.Contains("form a circle", FaultOf(_folder.Link("b", _folder.File("a"))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_through_a_file_is_called_so() =>
        Assert.Contains("no directory", FaultOf(_folder.Write("file", "x") + "/kernel"), StringComparison.Ordinal);

    [Fact]
    public void A_name_of_300_bytes_is_too_long() =>
        Assert.Contains("longer than the file system takes", FaultOf(_folder.File(new string('k', 300))), StringComparison.Ordinal);

    [Fact]
    public void A_path_of_4097_bytes_is_too_long() =>
        Assert.Contains("4097 bytes long", FaultOf("/" + new string('k', 4096)), StringComparison.Ordinal);

    [Theory]
    [InlineData("kernel")]
    [InlineData("./kernel")]
    [InlineData("~/kernel")]
    [InlineData("-")]
    [InlineData("-rf")]
    [InlineData("file:///kernel")]
    public void A_relative_path_is_refused(string path) =>
        Assert.Contains("is relative", FaultOf(path), StringComparison.Ordinal);

    [Fact]
    public void An_empty_path_is_refused() => Assert.StartsWith("is empty", FaultOf(""), StringComparison.Ordinal);

    [Theory]
    [InlineData("/a\0b", "contains NUL")]
    [InlineData("/a\nb", "control character")]
    [InlineData("/\u001b[2J", "control character")]
    public void A_path_with_characters_that_no_file_should_have_is_refused(string path, string named) =>
        Assert.Contains(named, FaultOf(path), StringComparison.Ordinal);

    // No theory: an attribute cannot hold half a surrogate pair.
    [Fact]
    public void A_path_with_half_a_surrogate_pair_is_refused()
    {
        Assert.Contains("no valid Unicode", FaultOf("/a\ud800"), StringComparison.Ordinal);
        Assert.Contains("no valid Unicode", FaultOf("/a\ufffd\ud800b"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("a,b")]
    [InlineData("a,,b=c")]
    [InlineData("quote'\"quote")]
    [InlineData("größe-\ufffd-日本語")]
    public void A_path_with_unusual_but_visible_characters_is_taken(string name)
    {
        using var file = ImageFile.Open(_folder.Write(name, "x"), mayBeEmpty: false, out _, out var fault);

        Assert.Equal("", fault);
    }

    [Fact]
    public void An_empty_file_is_refused_unless_it_may_be_empty()
    {
        var path = _folder.Write("empty", "");

        Assert.Contains("is empty (0 bytes)", FaultOf(path), StringComparison.Ordinal);
        using var file = ImageFile.Open(path, mayBeEmpty: true, out _, out _);
        Assert.NotNull(file);
    }

    [Fact]
    public void A_directory_is_called_one() => Assert.Contains("is a directory", FaultOf(_folder.Path), StringComparison.Ordinal);

    [Fact]
    public void The_root_is_called_a_directory() => Assert.Contains("is a directory", FaultOf("/"), StringComparison.Ordinal);

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    [InlineData("/dev/tty")]
    public void A_device_is_called_one(string path) => Assert.Contains("is a device", FaultOf(path), StringComparison.Ordinal);

    [Theory]
    [InlineData("/dev/stdin")]
    [InlineData("/dev/fd/0")]
    [InlineData("/proc/self/mem")]
    [InlineData("/proc/1/environ")]
    public void A_path_that_differs_between_processes_is_refused(string path) =>
        Assert.Contains("another file for each process", FaultOf(path), StringComparison.Ordinal);

    [Fact]
    public void A_link_to_the_memory_of_a_process_is_refused() =>
        Assert.Contains("is empty", FaultOf(_folder.Link("link", "/proc/self/mem")), StringComparison.Ordinal);

    [Fact]
    public async Task A_fifo_is_refused_at_once_although_nobody_writes_to_it()
    {
        var path = await _folder.MakeFifoAsync("fifo");

        // Off this thread, so that a bug here fails the test instead of hanging it.
        var fault = await Task.Run(() => FaultOf(path), TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.Contains("is a FIFO", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_is_called_one()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder.File("socket")));

        Assert.Contains("is a socket", FaultOf(_folder.File("socket")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_of_4095_bytes_is_the_longest()
    {
        // A chain of '/.' is the root, however long.
        Assert.Contains("is a directory", FaultOf(string.Concat(Enumerable.Repeat("/.", 2047)) + "/"), StringComparison.Ordinal);
        Assert.Contains("4096 bytes long", FaultOf(string.Concat(Enumerable.Repeat("/.", 2048))), StringComparison.Ordinal);
    }

    [Fact]
    public void Something_exists_where_a_file_or_a_broken_link_stands()
    {
        Assert.True(ImageFile.Exists(_folder.Write("file", "")));
        Assert.True(ImageFile.Exists(_folder.Path));
        Assert.True(ImageFile.Exists(_folder.Link("broken", "nowhere")));
        Assert.True(ImageFile.Exists(_folder.Link("circle", "circle")));
    }

    [Fact]
    public void Nothing_exists_where_nothing_can_stand()
    {
        Assert.False(ImageFile.Exists(_folder.File("nothing")));
        Assert.False(ImageFile.Exists(_folder.Write("file", "") + "/below"));
        Assert.False(ImageFile.Exists(_folder.File(new string('x', 256))));
    }

    private static string FaultOf(string path)
    {
        using var file = ImageFile.Open(path, mayBeEmpty: false, out _, out var fault);

        Assert.Null(file);
        Assert.NotEmpty(fault);
        Assert.DoesNotContain(fault, char.IsControl);
        Assert.True(fault.Length < 300, fault);
        return fault;
    }
}
