using VmHost.Machines;
using VmHost.Specs;
using VmHost.State;
using VmHost.TestKit;

namespace VmHost.Tests.Machines;

public sealed class HostClaimsTests
{
    [Fact]
    public void Memory_is_given_out_once_and_comes_back_at_the_end()
    {
        var claims = new HostClaims(ByteSize.FromMiB(1024));
        claims.Claim("id-one", "one", Spec(600));

        var refused = Assert.Throws<VmHostException>(() => claims.Claim("id-two", "two", Spec(600)));

        Assert.Equal(VmHostError.ResourceExhausted, refused.Error);
        Assert.Contains("600 MiB", refused.Message, StringComparison.Ordinal);
        Assert.Contains("1024 MiB", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--max-memory-bytes", refused.Message, StringComparison.Ordinal);
        claims.Claim("id-one", "one", Spec(700));   // its own next boot
        claims.Release("id-one");
        claims.Claim("id-two", "two", Spec(1024));
    }

    [Fact]
    public void A_machine_that_gets_no_memory_gets_none_of_its_disks_either()
    {
        using var directory = new TemporaryDirectory();
        var disk = directory.Combine("disk");
        File.WriteAllText(disk, "");
        var claims = new HostClaims(ByteSize.FromMiB(1024));
        claims.Claim("id-one", "one", Spec(600));
        Assert.Equal(VmHostError.ResourceExhausted, Assert.Throws<VmHostException>(() => claims.Claim("id-two", "two", Spec(600) with { Disks = [new(disk, DiskFormat.Raw, false)] })).Error);

        claims.Claim("id-three", "three", Spec(100) with { Disks = [new(disk, DiskFormat.Raw, false)] });
        Assert.Equal(VmHostError.FailedPrecondition, Assert.Throws<VmHostException>(() => claims.Claim("id-two", "two", Spec(100) with { Disks = [new(disk, DiskFormat.Raw, false)] })).Error);
    }

    [Fact]
    public void What_runs_already_is_counted_whatever_it_comes_to()
    {
        var claims = new HostClaims(ByteSize.FromMiB(1024));
        claims.ClaimUnasked("id-one", "one", Spec(4096));

        Assert.Throws<VmHostException>(() => claims.Claim("id-two", "two", Spec(1)));
        claims.Release("id-one");
        claims.Claim("id-two", "two", Spec(1));
    }

    [Fact]
    public void A_disk_that_is_nearly_full_takes_no_more_machines()
    {
        using var directory = new TemporaryDirectory();
        using var state = StateDirectory.Open(directory.Combine("s"), TimeProvider.System);
        new DiskSpace(state, new(0)).ThrowIfLow();

        var refused = Assert.Throws<VmHostException>(() => new DiskSpace(state, new(long.MaxValue)).ThrowIfLow());

        Assert.Equal(VmHostError.ResourceExhausted, refused.Error);
        Assert.Contains("--min-free-bytes", refused.Message, StringComparison.Ordinal);
    }

    private static MachineSpec Spec(int mib) =>
        new() { Boot = new(null, "/k", null, ""), CpuCount = 1, Memory = ByteSize.FromMiB(mib), PublishedPorts = [], Hypervisor = HypervisorKind.Qemu, Uuid = Guid.Empty };
}
