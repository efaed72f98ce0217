using VmHost.Images;
using VmHost.Specs;
using VmHost.Tests.Hypervisors;

namespace VmHost.Tests.Images;

public sealed class ImageWarningsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<byte[], bool> Ramdisks { get; } = new()
    {
        { "070701 cpio"u8.ToArray(), true },
        { [0, 0, 0, 0, .. "070701 cpio"u8], true },
        { [0x1f, 0x8b, 8], true },
        { [0x28, 0xb5, 0x2f, 0xfd], true },
        { [0xfd, .. "7zXZ\0"u8], true },
        { "hsqs"u8.ToArray(), true },
        { [.. new byte[1080], 0x53, 0xef, .. new byte[100]], true },
        { "<!DOCTYPE html><title>404</title>"u8.ToArray(), false },
        { [0x8f, 0x12, 0x00, 0x77, 0x3c], false },
        { new byte[100], false },
    };

    [Theory]
    [MemberData(nameof(Ramdisks))]
    public void A_ramdisk_that_Linux_does_not_take_is_warned_of(byte[] content, bool isKnown)
    {
        var initrd = _folder.Write("initrd", content);

        var warnings = ImageWarnings.Of(Specimens.Minimal with { Boot = Specimens.Minimal.Boot with { InitrdPath = initrd } });

        Assert.Equal(isKnown, warnings.IsEmpty);
        Assert.All(warnings, warning => Assert.Contains($"'{initrd}'", warning, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1024, DiskFormat.Raw, true)]
    [InlineData(1025, DiskFormat.Raw, false)]
    [InlineData(1025, DiskFormat.Qcow2, true)]
    public void A_raw_disk_of_broken_sectors_is_warned_of(int size, DiskFormat format, bool isFine)
    {
        var spec = Specimens.Minimal with { Boot = Specimens.Minimal.Boot with { InitrdPath = null }, Disks = [new(_folder.Write("disk", new byte[size]), format, ReadOnly: false)] };

        Assert.Equal(isFine, ImageWarnings.Of(spec).IsEmpty);
    }

    public void Dispose() => _folder.Dispose();
}
