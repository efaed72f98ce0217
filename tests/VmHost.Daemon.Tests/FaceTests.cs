using CliWrap;
using CliWrap.Buffered;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>
/// The stand-ins for xhyve and HyperKit against what their sources say: what all other tests learn from them is worth no
/// more than this.
/// </summary>
public sealed class FaceTests : IDisposable
{
    private const int SegmentationFault = 128 + 11;
    private const int Abort = 128 + 6;
    private const string Board = "-A -u -s 0:0,hostbridge -s 31,lpc -l com1,stdio";

    private readonly TemporaryDirectory _directory = new();

    // getopt of the BSDs, and what main does with each option
    [Theory]
    [InlineData("xhyve", "-h", 0, "Usage: xhyve")]
    [InlineData("xhyve", "-v", 0, "xhyve: v0.2.0")]
    [InlineData("hyperkit", "-v", 0, "hyperkit: v0.2")]
    [InlineData("xhyve", "", 1, "Usage: xhyve")]
    [InlineData("xhyve", "-A -p 0:0 -f K", 1, "illegal option -- p")]
    [InlineData("xhyve", "-A -m", 1, "option requires an argument -- m")]
    [InlineData("xhyve", "-A stray -f K", 1, "Usage: xhyve")]
    [InlineData("xhyve", "-A -f kexec,k", 1, "Invalid firmware argument")]
    [InlineData("xhyve", "-A -f kexec,k,i", 1, "Invalid firmware argument")]
    [InlineData("hyperkit", "-A -f kexec,", 1, "Invalid firmware argument")]
    [InlineData("xhyve", "-A -f multiboot,k,i,c", 1, "Invalid firmware argument")]
    [InlineData("xhyve", "-m 1.5G -f K", 64, "invalid memsize '1.5G'")]
    [InlineData("xhyve", "-m abc -f K", 64, "invalid memsize 'abc'")]
    [InlineData("xhyve", "-l com3,stdio -f K", 64, "invalid lpc device configuration")]
    [InlineData("xhyve", "-s 32,lpc -f K", 1, "Invalid PCI slot info field \"32,lpc\"")]
    [InlineData("xhyve", "-s lpc -f K", 1, "Invalid PCI slot info field \"lpc\"")]
    [InlineData("xhyve", "-s 31,lpc -s 31:0,lpc -f K", 1, "pci slot 31:0 already occupied!")]
    [InlineData("xhyve", "-s 4,virtio-sock,guest_cid=3 -f K", 1, "pci slot 4:0: unknown device \"virtio-sock\"")]
    [InlineData("hyperkit", "-s 4,e1000 -f K", 1, "pci slot 4:0: unknown device \"e1000\"")]
    public Task An_option_is_refused_when_it_is_read(string face, string arguments, int code, string words) =>
        RefusesAsync(face, arguments, code, words);

    // the checks of main and of each device, after all options
    [Theory]
    [InlineData("xhyve", "-c two -f K", 1, "Invalid guest vCPUs (0)")]
    [InlineData("xhyve", "-c 17 -f K", 1, "17 vCPUs requested but only 16 available")]
    [InlineData("hyperkit", "-c 65 -f K", 1, "65 vCPUs requested but only 64 available")]
    [InlineData("xhyve", "-m 512b -f K", 1, "Unable to setup memory (22)")]
    [InlineData("xhyve", "-A -f K", SegmentationFault, "")]
    [InlineData("xhyve", "-Y -A -f K", 1, "")]   // -Y swallowed -A, and the guest powers off
    [InlineData("xhyve", "-s 1:3:0,virtio-rnd -f K", 1, "MPtable is incompatible with multiple PCI hierarchies")]
    [InlineData("xhyve", "-s 31,lpc -l com1,null -f K", 1, "Unable to initialize backend 'null' for LPC device COM1")]
    [InlineData("xhyve", "-s 31,lpc -l com1,stdio -l com2,stdio -f K", 1, "Unable to initialize backend 'stdio' for LPC device COM2")]
    [InlineData("xhyve", "-U f47ac10b-58cc-4372-e567-0e02b2c3d479 -s 0,hostbridge -f K", Abort, "smbios_build")]
    [InlineData("xhyve", "-U f47ac10b-58cc-4372-e567-0e02b2c3d479 -s 2,virtio-net -f K", 1, "")]
    [InlineData("hyperkit", "-s 2,virtio-net,mac=02:00:00:00:00:01 -f K", SegmentationFault, "")]
    [InlineData("hyperkit", "-s 2,virtio-net,vmnet0,mac=01:00:00:00:00:01 -f K", 1, "Invalid MAC address")]
    [InlineData("hyperkit", "-s 2,virtio-vpnkit,socket=/x -f K", SegmentationFault, "")]
    [InlineData("xhyve", "-s 3,virtio-blk -f K", 1, "backing device required")]
    [InlineData("xhyve", "-s 3,virtio-blk,/nowhere -f K", 1, "Could not open backing file")]
    [InlineData("xhyve", "-s 3,virtio-blk,/dev/null,nocache -f K", 1, "nocache support unimplemented")]
    [InlineData("xhyve", "-s 3,virtio-blk,/dev/null,format=qcow -f K", 1, "Invalid device option \"format=qcow\"")]
    [InlineData("xhyve", Board + " -m 1M -f K", Abort, "kexec: failed to load kernel")]
    [InlineData("xhyve", Board + " -f kexec,/nowhere,,c", Abort, "kexec: failed to load kernel /nowhere")]
    [InlineData("xhyve", Board + " -f kexec,/etc/passwd,,c", Abort, "kexec: failed to load kernel /etc/passwd")]
    [InlineData("hyperkit", Board + " -f KERNEL,/nowhere,c", Abort, "kexec: failed to load initrd /nowhere")]
    public Task A_machine_is_refused_when_it_is_made(string face, string arguments, int code, string words) =>
        RefusesAsync(face, arguments, code, words);

    [Theory]
    [InlineData("-m 1G")]
    [InlineData("-m1g")]
    [InlineData("-m 1024")]
    [InlineData("-m 1073741824")]
    [InlineData("-m 0x400")]
    [InlineData("-m 1024MB")]
    [InlineData("-AuHm 1G")]
    [InlineData("-c 4x")]
    [InlineData("-s 3:0,virtio-rnd -s 3:1,dummy")]
    [InlineData("-l COM2")]
    public async Task What_looks_odd_and_is_taken_is_taken(string arguments) =>
        Assert.Equal(1, (await RunAsync("xhyve", $"{Board} {arguments} -f KERNEL,,fake=poweroff")).ExitCode);

    [Fact]
    public async Task Without_the_lpc_bridge_the_serial_port_is_silently_none()
    {
        var run = await RunAsync("xhyve", "-s 0,hostbridge -l com1,nonsense -f KERNEL,,fake=banner;poweroff");

        Assert.Equal((1, "", ""), (run.ExitCode, run.StandardOutput, run.StandardError));
    }

    [Fact]
    public async Task With_a_pipe_for_file_0_the_console_is_lost_and_nobody_is_told()
    {
        var run = await RunAsync("xhyve", $"{Board} -f KERNEL,,fake=banner;poweroff");

        Assert.Equal((1, "", ""), (run.ExitCode, run.StandardOutput, run.StandardError));
        Assert.Equal("", await File.ReadAllTextAsync(_directory.Combine("truth.bin"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task HyperKit_takes_a_kernel_without_the_other_commas() =>
        Assert.Equal(1, (await RunAsync("hyperkit", $"{Board} -c 1 -s 3,virtio-blk,/nowhere -f KERNEL")).ExitCode);

    public void Dispose() => _directory.Dispose();

    private async Task RefusesAsync(string face, string arguments, int code, string words)
    {
        var run = await RunAsync(face, arguments);

        Assert.Equal(code, run.ExitCode);
        Assert.Contains(words, run.StandardError, StringComparison.Ordinal);
        if (words.Length == 0)
            Assert.Equal("", run.StandardError);
    }

    // K: a firmware that is all right; KERNEL: its beginning.
    private async Task<BufferedCommandResult> RunAsync(string face, string arguments)
    {
        var kernel = FakeImages.Write(_directory.Path, "face", "") + "-kernel";
        var words = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word == "K" ? $"kexec,{kernel},,fake=poweroff" : word.Replace("KERNEL", $"kexec,{kernel}", StringComparison.Ordinal));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        return await CliWrap.Cli.Wrap(Repository.Face(face))
            .WithArguments(words)
            .WithWorkingDirectory(_directory.Path)
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(limit.Token);
    }
}
