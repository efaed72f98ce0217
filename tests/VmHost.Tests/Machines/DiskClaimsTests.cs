using VmHost.Machines;
using VmHost.Specs;
using VmHost.Tests.Images;

namespace VmHost.Tests.Machines;

public sealed class DiskClaimsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DiskClaims _claims = new();

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    public void A_disk_has_one_writer_or_any_number_of_readers(bool firstReads, bool secondReads, bool both)
    {
        var disk = _folder.Write("disk", "content");
        Assert.Empty(_claims.TryClaim("id-one", "one", [new(disk, DiskFormat.Raw, firstReads)]));

        Assert.Equal(both, _claims.TryClaim("id-two", "two", [new(disk, DiskFormat.Raw, secondReads)]).IsEmpty);
    }

    [Fact]
    public void A_disk_is_the_same_by_whatever_name_and_the_machine_that_has_it_is_named()
    {
        var disk = _folder.Write("disk", "content");
        _claims.TryClaim("id-one", "one", [new(disk, DiskFormat.Raw, ReadOnly: false)]);

        var fault = Assert.Single(_claims.TryClaim("id-two", "two", [new(_folder.Write("other", ""), DiskFormat.Raw, ReadOnly: false), new(_folder.Link("link", disk), DiskFormat.Raw, ReadOnly: true)]));

        Assert.Equal("spec.disks[1].path", fault.Field);
        Assert.Contains("is a disk of machine one", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void A_CD_ROM_is_a_reader_of_its_file(bool diskIsReadOnly, bool both)
    {
        var image = _folder.Write("image", "content");
        Assert.Empty(_claims.TryClaim("id-one", "one", [new(image, DiskFormat.Raw, diskIsReadOnly)]));

        var faults = _claims.TryClaim("id-two", "two", [], [image]);

        Assert.Equal(both, faults.IsEmpty);
        Assert.All(faults, fault => Assert.Equal("spec.cdrom_paths[0]", fault.Field));
    }

    [Fact]
    public void A_machine_that_gets_not_all_its_disks_gets_none()
    {
        var (taken, free) = (_folder.Write("taken", ""), _folder.Write("free", ""));
        _claims.TryClaim("id-one", "one", [new(taken, DiskFormat.Raw, ReadOnly: false)]);
        Assert.NotEmpty(_claims.TryClaim("id-two", "two", [new(free, DiskFormat.Raw, ReadOnly: false), new(taken, DiskFormat.Raw, ReadOnly: false)]));

        Assert.Empty(_claims.TryClaim("id-three", "three", [new(free, DiskFormat.Raw, ReadOnly: false)]));
    }

    [Fact]
    public void A_machine_may_start_again_with_its_own_disk_and_leaves_it_to_others_at_its_end()
    {
        Disk disk = new(_folder.Write("disk", ""), DiskFormat.Raw, ReadOnly: false);
        Assert.Empty(_claims.TryClaim("id-one", "one", [disk]));
        Assert.Empty(_claims.TryClaim("id-one", "one", [disk]));

        _claims.Release("id-one");

        Assert.Empty(_claims.TryClaim("id-two", "two", [disk]));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_machine_that_was_renamed_keeps_its_disks_and_is_named_as_it_is_called_now()
    {
        var disk = new Disk(_folder.Write("disk", ""), DiskFormat.Raw, ReadOnly: false);
        Assert.Empty(_claims.TryClaim("id-one", "one", [disk]));

        _claims.Rename("id-one", "first");
        _claims.Rename("id-none", "nobody");

        Assert.Contains("a disk of machine first,", Assert.Single(_claims.TryClaim("id-two", "two", [disk])).Message, StringComparison.Ordinal);
        Assert.Empty(_claims.TryClaim("id-one", "first", [disk]));
    }
}
