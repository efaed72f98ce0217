using System.Buffers.Binary;
using VmHost.Images;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class DeviceFilesTests : IDisposable
{
    private static readonly MachineRequest Request = new(
        null, new("/images/demo", null, null, null), null, null, default, HypervisorKind.Auto, null);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Sound_devices_have_no_fault()
    {
        var raw = _folder.WriteSparse("raw", 1 << 20);
        var qcow2 = _folder.Write("qcow2", Qcow2());
        var iso = _folder.Write("iso", "content");
        using var terminal = new OpenTerminal();

        Assert.Empty(DeviceFiles.Check(Request with
        {
            Disks = [new(raw, DiskFormat.Raw, ReadOnly: false), new(qcow2, DiskFormat.Qcow2, ReadOnly: true)],
            CdromPaths = [iso, iso],
            SecondSerialPath = terminal.SlavePath,
        }));
    }

    [Fact]
    public void Every_fault_is_told_with_its_field()
    {
        var disk = _folder.WriteSparse("disk", 1 << 20);
        var text = _folder.Write("text", "no terminal");

        var faults = DeviceFiles.Check(Request with
        {
            Disks =
            [
                new(disk, DiskFormat.Raw, ReadOnly: false), new(_folder.File("missing"), DiskFormat.Raw, ReadOnly: false),
                new(_folder.Link("again", disk), DiskFormat.Raw, ReadOnly: true), new(disk, (DiskFormat)7, ReadOnly: false),
                new(_folder.Path, DiskFormat.Raw, ReadOnly: false),
            ],
            CdromPaths = [_folder.File("no.iso")],
            SecondSerialPath = text,
            Network = new(NetworkMode.Vpnkit, VpnkitSocket: _folder.File("vpnkit.sock")),
        });

        Assert.Equal(
            ["spec.disks[1].path", "spec.disks[2].path", "spec.disks[3].format", "spec.disks[4].path", "spec.cdrom_paths[0]", "spec.second_serial_path", "spec.networks[0].vpnkit_socket"],
            faults.Select(fault => fault.Field));
        Assert.Contains("is the same file as spec.disks[0]", faults[1].Message, StringComparison.Ordinal);
        Assert.Contains("is not a terminal device", faults[5].Message, StringComparison.Ordinal);
        Assert.Contains("start vpnkit", faults[6].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/dev/zero")]
    public void A_character_device_that_is_not_a_terminal_is_not_a_serial_port(string path) =>
        Assert.Contains("is not a terminal device", Assert.Single(DeviceFiles.Check(Request with { SecondSerialPath = path })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void A_disk_that_is_a_CD_ROM_too_must_be_read_only(bool isReadOnly, int faults)
    {
        var image = _folder.Write("image", "content");

        var found = DeviceFiles.Check(Request with { Disks = [new(image, DiskFormat.Raw, isReadOnly)], CdromPaths = [_folder.Link("link", image)] });

        Assert.Equal(faults, found.Length);
        Assert.All(found, fault => Assert.Equal("spec.cdrom_paths[0]", fault.Field));
    }

    [Fact]
    public void A_socket_of_vpnkit_without_its_mode_has_one_fault_and_not_two() =>
        Assert.Empty(DeviceFiles.Check(Request with { Network = new(NetworkMode.Nat, VpnkitSocket: _folder.File("missing")) }));

    [Fact]
    public void A_qcow2_image_is_no_raw_disk_nor_the_other_way_round()
    {
        var faults = DeviceFiles.Check(Request with
        {
            Disks = [new(_folder.Write("q", Qcow2()), DiskFormat.Raw, ReadOnly: true), new(_folder.WriteSparse("r", 1 << 20), DiskFormat.Qcow2, ReadOnly: true)],
        });

        Assert.Contains("say the format QCOW2", faults[0].Message, StringComparison.Ordinal);
        Assert.Contains("is no qcow2 image", faults[1].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, 104, null)]
    [InlineData(0x1000, 0, 104, "has a backing file")]
    [InlineData(0, 4, 104, "has an external data file")]
    [InlineData(0, 1, 104, null)]
    [InlineData(0, 0, 10, "is truncated")]
    [InlineData(0, 0, 2, "is no qcow2 image")]
    public void An_image_that_names_another_file_of_the_host_is_refused(long backing, long features, int length, string? problem)
    {
        var fault = Qcow2Header.FaultOf(Qcow2(backing, features).AsSpan(0, length), DiskFormat.Qcow2);

        if (problem is null)
            Assert.Null(fault);
        else
            Assert.StartsWith(problem, fault, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private sealed class OpenTerminal : IDisposable
    {
        private readonly PseudoTerminal _terminal = PseudoTerminal.Open();

        internal string SlavePath => _terminal.SlavePath;

        public void Dispose()
        {
            Descriptor.Close(_terminal.Slave);
            Descriptor.Close(_terminal.Master);
        }
    }

    private static byte[] Qcow2(long backing = 0, long features = 0)
    {
        var header = new byte[104];
        "QFI"u8.CopyTo(header);
        header[3] = 0xfb;
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), 3);
        BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(8), backing);
        BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(72), features);
        return header;
    }
}
