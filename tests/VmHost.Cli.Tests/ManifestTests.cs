using VmHost.Cli.Manifests;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Tests;

public sealed class ManifestTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vmctl-").FullName;

    [Fact]
    public void A_manifest_says_what_the_options_say()
    {
        var request = Read(
            """
            name: redis
            prefix: images/redis
            append: panic=1
            cpus: 2
            memory: 1.5G
            publish: [ "16379:6379", "0.0.0.0:53:53/udp" ]
            disks:
              - data.img,format=qcow2,ro
              - /var/other.img
            cdroms: seed.iso
            mac: 52:54:00:12:34:56
            network: vpnkit=vpnkit.sock
            second_serial: /dev/ttyS1
            on_reboot: stop
            restart: on-failure:3
            hypervisor: hyperkit
            uuid: 1b4e28ba-2fa1-11d2-883f-0016d3cca427
            """);

        var spec = request.Spec;
        Assert.Equal(("redis", $"{_directory}/images/redis", "panic=1"), (request.Name, spec.Boot.TriplePrefix, spec.Boot.Append));
        Assert.Equal((2, 1536L << 20), (spec.CpuCount, spec.MemoryBytes));
        Assert.Equal([16379, 53], spec.PublishedPorts.Select(port => port.HostPort));
        Assert.Equal(
            [new Disk { Path = $"{_directory}/data.img", Format = DiskFormat.Qcow2, ReadOnly = true }, new Disk { Path = "/var/other.img" }], spec.Disks);
        Assert.Equal([$"{_directory}/seed.iso"], spec.CdromPaths);
        Assert.Equal(
            new Network { Mode = NetworkMode.Vpnkit, MacAddress = "52:54:00:12:34:56", VpnkitSocket = $"{_directory}/vpnkit.sock" }, Assert.Single(spec.Networks));
        Assert.Equal(("/dev/ttyS1", RebootAction.Stop, HypervisorKind.Hyperkit), (spec.SecondSerialPath, spec.OnReboot, spec.Hypervisor));
        Assert.Equal("1b4e28ba-2fa1-11d2-883f-0016d3cca427", spec.Uuid);
        Assert.Equal(new RestartPolicy { Mode = RestartMode.OnFailure, MaxRetries = 3 }, request.RestartPolicy);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("all")]
    public void What_inspect_writes_is_read_back(string which)
    {
        var machine = new Machine
        {
            Name = "redis",
            RestartPolicy = new(),
            Spec = new()
            {
                Boot = new() { KernelPath = "/boot/a \"kernel\": # 1", CommandLine = "" },
                CpuCount = 1,
                MemoryBytes = 1536L << 20,
                Uuid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
                OnReboot = RebootAction.Restart,
                Hypervisor = HypervisorKind.Qemu,
                Networks = { new Network { Mode = NetworkMode.Nat } },
            },
        };
        if (which == "all")
        {
            machine.RestartPolicy = new() { Mode = RestartMode.OnFailure, MaxRetries = 3 };
            machine.Labels.Add(new Dictionary<string, string> { ["no"] = "yes", ["example.com/a"] = "1.5", ["empty"] = "" });
            machine.Annotations["note"] = "two\nlines\t\u00e4 \u2028 'x'";
            machine.Spec.Boot.InitrdPath = "/boot/initrd,ro";
            machine.Spec.Boot.CommandLine = new string('x', 200) + " console=ttyS0 a=\"b c\" \\ %s";
            machine.Spec.PublishedPorts.Add(new PublishedPort { HostAddress = "127.0.0.1", HostPort = 53, GuestPort = 5353, Protocol = PortProtocol.Udp });
            machine.Spec.PublishedPorts.Add(new PublishedPort { HostAddress = "0.0.0.0", HostPort = 80, GuestPort = 80, Protocol = PortProtocol.Tcp });
            machine.Spec.Disks.Add(new Disk { Path = "/d/a,b c", Format = DiskFormat.Qcow2, ReadOnly = true });
            machine.Spec.Disks.Add(new Disk { Path = "/d/b", Format = DiskFormat.Raw });
            machine.Spec.CdromPaths.Add("/d/seed: 1.iso");
            machine.Spec.SecondSerialPath = "/dev/ttyS1";
            machine.Spec.OnReboot = RebootAction.Stop;
            machine.Spec.Networks[0].MacAddress = "52:54:00:12:34:56";
        }

        var read = Read(ManifestWriter.Write(machine));

        Assert.Equal(machine.Spec, read.Spec);
        Assert.Equal((machine.Name, machine.RestartPolicy.MaxRetries), (read.Name, read.RestartPolicy.MaxRetries));
        Assert.Equal(machine.Labels, read.Labels);
        Assert.Equal(machine.Annotations, read.Annotations);
    }

    [Fact]
    public void Json_is_read_too() =>
        Assert.Equal(3, Read("""{"kernel": "/boot/vmlinuz", "cpus": 3}""").Spec.CpuCount);

    [Theory]
    [InlineData("prefix: a\nmemroy: 1G", ":2:1: there is no key 'memroy'; did you mean memory?")]
    [InlineData("prefix: a\nwhatever: 1", "there are: name, prefix")]
    [InlineData("cpus: 1", "names nothing to boot")]
    [InlineData("prefix: a\ncpus: two", ":2:1: cpus wants a whole number, not 'two'")]
    [InlineData("prefix: a\ncpus: [1]", ":2:1: cpus wants one value")]
    [InlineData("prefix: a\nmemory: lots", "memory")]
    [InlineData("prefix: a\ndisks: [[a]]", "disks wants single values in its list")]
    [InlineData("prefix: a\ndisks: d.img,format=vmdk", "format is raw or qcow2, not 'vmdk'")]
    [InlineData("prefix: a\ndisks: d.img,size=1G", "truncate -s 1G FILE")]
    [InlineData("prefix: a\nhypervisor: vmware", "wants auto, qemu, xhyve, hyperkit or vfkit")]
    [InlineData("prefix: a\non_reboot: maybe", "wants restart or stop")]
    [InlineData("prefix: a\nrestart: maybe", ":2:1: restart wants no, on-failure, on-failure:N, always or unless-stopped, not 'maybe'")]
    [InlineData("prefix: a\nnetwork: bridge", "wants nat, none or vpnkit=SOCKET")]
    [InlineData("prefix: a\nprefix: b", "prefix")]
    [InlineData("- prefix", "")]
    [InlineData("prefix: [", "")]
    [InlineData("", "")]
    [InlineData("&a [*a]: 1", ":1:")]
    [InlineData("? {a: b}\n: 1", "a key is one word")]
    [InlineData("prefix: a\n---\nprefix: b", "holds several documents")]
    public void What_is_wrong_is_told_with_its_place(string text, string problem)
    {
        var error = Assert.Throws<CliException>(() => Read(text));

        Assert.Equal(ExitCodes.Usage, error.ExitCode);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("machine.yaml", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Deep_and_multiplied_values_are_refused()
    {
        Assert.Contains("nest deeper than 64", Assert.Throws<CliException>(() => Read(string.Concat(Enumerable.Repeat("{a: ", 50_000)))).Message, StringComparison.Ordinal);

        var bomb = string.Concat(Enumerable.Range(1, 9).Select(level => $"x{level}: &x{level} [{string.Join(',', Enumerable.Repeat($"*x{level - 1}", 9))}]\n"));
        Assert.Contains("aliases (*name) may multiply them", Assert.Throws<CliException>(() => Read($"x0: &x0 1\n{bomb}")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("prefix: a\ncmdline: >\n  console=ttyS0\n  quiet\n", "console=ttyS0 quiet")]
    [InlineData("prefix: a\ncmdline: |\n  console=ttyS0\n", "console=ttyS0")]
    public void A_block_does_not_add_its_line_break_to_the_command_line(string text, string commandLine) =>
        Assert.Equal(commandLine, Read(text).Spec.Boot.CommandLine);

    [Fact]
    public void Text_that_is_not_UTF8_is_refused_and_a_byte_order_mark_is_not()
    {
        var file = Path.Combine(_directory, "machine.yaml");
        File.WriteAllBytes(file, [.. "prefix: a"u8, 0xff]);
        Assert.Contains("the byte at offset 9 is not valid UTF-8", Assert.Throws<CliException>(() => MachineManifest.Read(file)).Message, StringComparison.Ordinal);

        File.WriteAllBytes(file, [0xef, 0xbb, 0xbf, .. "name: b\nprefix: a"u8]);
        Assert.Equal("b", MachineManifest.Read(file).Name);
    }

    [Fact]
    public void A_manifest_that_is_not_there_is_told() =>
        Assert.Contains("nothing.yaml", Assert.Throws<CliException>(() => MachineManifest.Read($"{_directory}/nothing.yaml")).Message, StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private RunMachineRequest Read(string text)
    {
        var file = Path.Combine(_directory, "machine.yaml");
        File.WriteAllText(file, text);
        return MachineManifest.Read(file);
    }
}
