using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.Supervision;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision;

public sealed class BootOwnershipTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly MachinePaths _paths;

    public BootOwnershipTests() => _paths = new MachinePaths(_directory.Path, _directory.Path);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_boot_that_holds_the_lock_here_is_this_directorys()
    {
        using var held = FileLock.TryTake(_paths.Lock)!;

        Assert.Equal(BootOwner.ThisDirectory, BootOwnership.Of(Run() with { LockFile = FileIdentity.Of(held.Number) }, _paths));
    }

    [Fact]
    public void A_boot_whose_lock_is_free_is_nobodys()
    {
        FileIdentity? file;
        using (var held = FileLock.TryTake(_paths.Lock)!)
            file = FileIdentity.Of(held.Number);

        Assert.Equal(BootOwner.Nobody, BootOwnership.Of(Run() with { LockFile = file }, _paths));
    }

    // A copy of the directory: its lock is another file. That something holds that one too proves nothing.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_boot_that_holds_another_file_is_another_directorys(bool hereIsHeld)
    {
        using var original = FileLock.TryTake(_directory.Combine("original"))!;
        using var here = FileLock.TryTake(_paths.Lock)!;
        if (!hereIsHeld)
            here.Dispose();

        Assert.Equal(BootOwner.AnotherDirectory, BootOwnership.Of(Run() with { LockFile = FileIdentity.Of(original.Number) }, _paths));
    }

    // A backup without the lock file, or a lock file that something deleted: its processes may live.
    [Fact]
    public void A_lock_file_that_is_gone_proves_nothing()
    {
        using var held = FileLock.TryTake(_paths.Lock)!;
        var file = FileIdentity.Of(held.Number);
        File.Delete(_paths.Lock);

        Assert.Contains("is missing", Assert.Throws<InvalidDataException>(() => BootOwnership.Of(Run() with { LockFile = file }, _paths)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, BootOwner.ThisDirectory)]
    [InlineData(false, BootOwner.Nobody)]
    public void Where_an_older_shim_did_not_write_which_file_it_holds_the_held_lock_decides(bool isHeld, object owner)
    {
        using var held = FileLock.TryTake(_paths.Lock)!;
        if (!isHeld)
            held.Dispose();

        Assert.Equal(owner, BootOwnership.Of(Run(), _paths));
    }

    [Fact]
    public void After_a_reboot_of_the_host_the_numbers_of_the_file_mean_nothing() =>
        Assert.Equal(BootOwner.Nobody, BootOwnership.Of(Run() with { LockFile = new(1, 2), HostBootId = "another" }, _paths));

    [Fact]
    public async Task A_copy_of_a_live_machine_is_not_connected_to()
    {
        using var original = FileLock.TryTake(_directory.Combine("original"))!;
        await File.WriteAllTextAsync(_paths.Lock, "", TestContext.Current.CancellationToken);
        (Run() with { LockFile = FileIdentity.Of(original.Number) }).Save(_directory.Path);

        var contact = await SupervisedBoot.ContactAsync(
            Records.Id, Records.Nonce, _paths, new ConsoleFeed(_paths.Console), TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Equal(BootOwnership.CopyReason, Assert.IsType<BootContact.Foreign>(contact).Reason);
    }

    // SIGUSR1 would end it.
    [Fact]
    public async Task A_shim_that_lost_its_socket_and_cannot_make_it_again_is_not_signalled_and_said_to_be_too_old()
    {
        using var held = FileLock.TryTake(_paths.Lock)!;
        Run().Save(_directory.Path);

        var contact = await SupervisedBoot.ContactAsync(
            Records.Id, Records.Nonce, _paths, new ConsoleFeed(_paths.Console), TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Contains("is older than those that make it again; only vmctl kill can end the machine", Assert.IsType<BootContact.Unreachable>(contact).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_boot_of_which_nothing_lives_has_ended()
    {
        Run().Save(_directory.Path);

        Assert.IsType<BootContact.Ended>(await SupervisedBoot.ContactAsync(
            Records.Id, Records.Nonce, _paths, new ConsoleFeed(_paths.Console), TimeProvider.System, TestContext.Current.CancellationToken));
    }

    // This test's process stands for the shim; nothing listens at the path.
    private RunRecord Run() => Records.Run(_directory.Combine("shim.sock"));
}
