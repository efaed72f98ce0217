using VmHost.Hypervisors;
using VmHost.Hypervisors.Vfkit;
using VmHost.Specs;
using VmHost.TestKit;

namespace VmHost.Tests.Hypervisors;

public sealed class CommandLineTests
{
    public static MatrixTheoryData<string, HypervisorKind> Matrix => new(Specimens.Cases.Keys, Specimens.Kinds);

    [Theory]
    [MemberData(nameof(Matrix))]
    public void Argv_or_refusal_is_as_recorded(string name, HypervisorKind kind)
    {
        var (spec, paths, host) = Specimens.Cases[name];
        var hypervisor = HypervisorCatalog.Get(kind);
        var file = $"{kind.ToString().ToLowerInvariant()}-{name}";
        var faults = hypervisor.Check(spec, host, paths);
        if (!faults.IsEmpty)
        {
            Golden.Matches(file + ".refused", faults.Select(fault => fault.ToString()));
            return;
        }

        var plan = hypervisor.Plan(spec, host, paths);
        Golden.Matches(file + ".args", [plan.Executable, .. plan.Arguments, .. plan.Links.Select(link => $"# {link.Path} -> {link.Target}"), .. plan.Warnings.Select(warning => $"# warning: {warning}")]);
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public void Every_option_has_a_reason(string name, HypervisorKind kind)
    {
        var (spec, paths, host) = Specimens.Cases[name];
        Assert.All(HypervisorCatalog.Get(kind).Plan(spec, host, paths).Options, option =>
        {
            Assert.NotEmpty(option.Words);
            Assert.NotEqual("", option.Reason);
        });
    }

    [Fact]
    public void The_tutorials_machine_is_the_tutorials_command_line_and_what_it_lacks()
    {
        var (spec, paths, host) = Specimens.Cases["tutorial"];
        var plan = HypervisorCatalog.Get(HypervisorKind.Xhyve).Plan(spec, host, paths);
        string[] added = ["-u", "-U", spec.Uuid.ToString("D"), "-s", "3:0,virtio-rnd"];
        string[] tutorial =
        [
            "-A", "-m", "1024M", "-s", "0:0,hostbridge", "-s", "31,lpc", "-l", "com1,stdio", "-s", "2:0,virtio-net",
            "-f", $"kexec,{paths.Directory}/kernel,{paths.Directory}/initrd,console=ttyS0 page_poison=1",
        ];

        var left = plan.Options.Where(option => !added.AsSpan().StartsWith(option.Words.AsSpan()[..1]) && !added.Contains(option.Words[^1], StringComparer.Ordinal));
        Assert.Equal(tutorial, left.SelectMany(option => option.Words));
        Assert.Equal([$"{paths.Directory}/kernel", $"{paths.Directory}/initrd"], plan.Links.Select(link => link.Path).Order(StringComparer.Ordinal).Reverse());
    }

    [Theory]
    [InlineData("console=ttyS0", 0)]
    [InlineData("quiet console=ttyS0,115200n8", 0)]
    [InlineData("console=hvc0", 1)]
    [InlineData("", 1)]
    public void A_command_line_without_the_serial_console_is_warned_of(string commandLine, int warnings) =>
        Assert.Equal(warnings, ConsoleArgument.Warnings(commandLine, "ttyS0").Length);

    [Fact]
    public void A_machine_keeps_its_address_on_vfkit_and_another_has_another()
    {
        var mac = VfkitCommandLine.MacOf(Specimens.Minimal.Uuid);

        Assert.Equal(mac, VfkitCommandLine.MacOf(Specimens.Minimal.Uuid));
        Assert.NotEqual(mac, VfkitCommandLine.MacOf(Guid.Empty));
        Assert.StartsWith("52:54:00:", mac, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, GuestArchitecture.Arm64, HypervisorKind.Vfkit)]
    [InlineData(true, GuestArchitecture.X64, HypervisorKind.HyperKit)]
    [InlineData(false, GuestArchitecture.X64, HypervisorKind.Qemu)]
    public void The_best_of_a_host_is_chosen(bool isMac, GuestArchitecture architecture, HypervisorKind best) =>
        Assert.Equal(best, HypervisorCatalog.Choose(HypervisorKind.Auto, Specimens.Host with { Platform = new(isMac, architecture, false) }).Kind);

    [Fact]
    public void Where_the_native_ones_are_missing_qemu_is_chosen()
    {
        var (_, _, host) = Specimens.Cases["not-installed"];
        Assert.Equal(HypervisorKind.Qemu, HypervisorCatalog.Choose(HypervisorKind.Auto, host).Kind);
        Assert.Equal(HypervisorKind.Xhyve, HypervisorCatalog.Choose(HypervisorKind.Auto, host with { Xhyve = Specimens.Host.Xhyve }).Kind);
    }
}
