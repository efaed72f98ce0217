using VmHost.Hypervisors;
using VmHost.TestKit;
using VmHost.Tests.Images;

namespace VmHost.Tests.Hypervisors;

/// <summary>Probing, with small programs that answer as the real ones do (xhyve and HyperKit say their version on stderr).</summary>
public sealed class HostProbeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Each_is_asked_in_its_own_way()
    {
        var host = await ProbeAsync(new(
            Program("qemu-system-x86_64", "case $1 in -version) echo QEMU emulator version 9.2.0;; -help) echo '-sandbox on';; esac"),
            Program("xhyve", "[ \"$1\" = -v ] && echo 'xhyve: v0.2.0-107-gdfbe09b' >&2"),
            Program("com.docker.hyperkit", "[ \"$1\" = -v ] && echo 'hyperkit: v0.20200908' >&2"),
            Program("vfkit", "[ \"$1\" = --version ] && echo 'vfkit version: v0.6.1'")));

        Assert.Equal(("9.2.0", true, null), (host.Qemu.Version, host.Qemu.HasSandbox, host.Qemu.Problem));
        Assert.Equal(("0.2.0-107-gdfbe09b", null), (host.Xhyve.Version, host.Xhyve.Problem));
        Assert.Equal(("0.20200908", true, null), (host.HyperKit.Version, host.HyperKit.HasQcow2, host.HyperKit.Problem));
        Assert.Equal(("0.6.1", null), (host.Vfkit.Version, host.Vfkit.Problem));
    }

    [Fact]
    public async Task A_program_is_asked_again_only_when_it_changed()
    {
        var calls = _folder.File("calls");
        var qemu = Program("qemu", $"echo call >>'{calls}'; echo QEMU emulator version 7.2.0");
        var probe = new HostProbe(new(qemu), TimeProvider.System);

        await probe.ProbeAsync(CancellationToken.None);
        var first = (await File.ReadAllLinesAsync(calls, TestContext.Current.CancellationToken)).Length;
        await probe.ProbeAsync(CancellationToken.None);
        Assert.Equal(first, (await File.ReadAllLinesAsync(calls, TestContext.Current.CancellationToken)).Length);

        Program("qemu", "echo QEMU emulator version 10.0.0, a longer one");
        Assert.Equal("10.0.0", (await probe.ProbeAsync(CancellationToken.None)).Qemu.Version);
    }

    [Theory]
    [InlineData("echo something else", "does not answer as qemu-system-x86_64 does")]
    [InlineData("exit 1", "does not answer as qemu-system-x86_64 does")]
    public async Task A_program_that_is_another_one_is_told(string body, string problem) =>
        Assert.Contains(problem, (await ProbeAsync(new(Program("qemu", body)))).Qemu.Problem, StringComparison.Ordinal);

    [Theory]
    [InlineData("tcg")]
    [InlineData("kvm")]
    [InlineData("hvf")]
    public async Task An_accelerator_that_somebody_names_is_taken_and_not_tried(string name)
    {
        var tried = _folder.File("tried");
        var qemu = Program("qemu", $"case $1 in -version) echo QEMU emulator version 9.2.0;; -help) ;; *) touch '{tried}';; esac");

        var facts = (await ProbeAsync(new(qemu) { Accelerator = name })).Qemu;

        Assert.Equal((name, null, false), (facts.Accelerator, facts.Kvm, File.Exists(tried)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("./")]
    public async Task A_program_is_not_searched_from_the_current_directory(string prefix)
    {
        var given = $"{prefix}qemu-{Guid.NewGuid():N}";
        var planted = Path.GetFullPath(given);
        var ran = _folder.File("ran");
        await File.WriteAllTextAsync(planted, $"#!/bin/sh\ntouch '{ran}'\necho QEMU emulator version 9.2.0\n", TestContext.Current.CancellationToken);
        try
        {
            File.SetUnixFileMode(planted, UnixFileMode.UserRead | UnixFileMode.UserExecute);

            Assert.Equal($"--qemu must be an absolute path, not '{given}'", (await ProbeAsync(new(given))).Qemu.Problem);
            Assert.False(File.Exists(ran));
        }
        finally
        {
            File.Delete(planted);
        }
    }

    [Fact]
    public async Task A_failure_is_not_kept()
    {
        var qemu = _folder.File("qemu");
        var probe = new HostProbe(new(qemu), TimeProvider.System);
        Assert.Contains("is not there", (await probe.ProbeAsync(CancellationToken.None)).Qemu.Problem, StringComparison.Ordinal);

        File.SetUnixFileMode(Program("qemu", "echo QEMU emulator version 7.2.0"), UnixFileMode.UserRead);
        Assert.Contains("is no executable program", (await probe.ProbeAsync(CancellationToken.None)).Qemu.Problem, StringComparison.Ordinal);

        Program("qemu", "echo QEMU emulator version 7.2.0");
        Assert.Null((await probe.ProbeAsync(CancellationToken.None)).Qemu.Problem);
    }

    public void Dispose() => _folder.Dispose();

    private static Task<HostFacts> ProbeAsync(HypervisorPrograms programs) =>
        new HostProbe(programs, TimeProvider.System).ProbeAsync(CancellationToken.None);

    private string Program(string name, string body) => ExecutableFile.Write(_folder.File(name), $"#!/bin/sh\n{body}\n");
}
