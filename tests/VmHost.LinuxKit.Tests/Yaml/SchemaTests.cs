using VmHost.LinuxKit.Configuration;

namespace VmHost.LinuxKit.Tests.Yaml;

/// <summary>What LinuxKit's YAML may say, and what is told about the rest: always with file, line and column.</summary>
public sealed class SchemaTests
{
    [Theory]
    [InlineData("kernel: {image: a, cmdline: console=ttyS0}")]
    [InlineData("kernel: {image: a, binary: bzImage, tar: none, ucode: intel-ucode.cpio}")]
    [InlineData("init: [a, b]")]
    [InlineData("init: []")]
    [InlineData("services: [{name: a, image: b}]")]
    [InlineData("services: [{name: a, image: b, capabilities: [CAP_SYS_ADMIN]}]")]
    [InlineData("services: [{name: a, image: b, capabilities: []}]")]
    [InlineData("services: [{name: a, image: b, capabilities.add: [CAP_BPF], binds.add: ['/a:/b']}]")]
    [InlineData("services: [{name: a, image: b, ambient: [CAP_BPF]}]")]
    [InlineData("services: [{name: a, image: b, binds: ['/a:/b:ro']}]")]
    [InlineData("services: [{name: a, image: b, tmpfs: ['/a:size=1m']}]")]
    [InlineData("services: [{name: a, image: b, mounts: [{type: tmpfs, destination: /a, source: x, options: [ro]}]}]")]
    [InlineData("services: [{name: a, image: b, command: [sh, '-c', '1']}]")]
    [InlineData("services: [{name: a, image: b, env: [A=b], cwd: /x}]")]
    [InlineData("services: [{name: a, image: b, net: host, pid: host, ipc: host, uts: host, userns: new}]")]
    [InlineData("services: [{name: a, image: b, readonly: true, noNewPrivileges: false}]")]
    [InlineData("services: [{name: a, image: b, maskedPaths: [/a], readonlyPaths: [/b]}]")]
    [InlineData("services: [{name: a, image: b, uid: 5, gid: root, additionalGids: [1, 2]}]")]
    [InlineData("services: [{name: a, image: b, hostname: h, oomScoreAdj: -800}]")]
    [InlineData("services: [{name: a, image: b, rootfsPropagation: shared, cgroupsPath: /x}]")]
    [InlineData("services: [{name: a, image: b, resources: {memory: {limit: 1000, swap: 0}, cpu: {shares: 5, cpus: '0'}, pids: {limit: 3}}}]")]
    [InlineData("services: [{name: a, image: b, resources: {blockio: {weight: 5, throttleReadBpsDevice: [{major: 1, minor: 2, rate: 3}]}}}]")]
    [InlineData("services: [{name: a, image: b, resources: {hugepageLimits: [{pageSize: 2MB, limit: 1}], network: {classID: 1, priorities: [{name: eth0, priority: 1}]}}}]")]
    [InlineData("services: [{name: a, image: b, sysctl: {net.ipv4.ip_forward: '1'}, annotations: {x: y}}]")]
    [InlineData("services: [{name: a, image: b, rlimits: ['nofile,1,2']}]")]
    [InlineData("services: [{name: a, image: b, devices: [{path: /dev/null, type: c, major: 1, minor: 3, mode: '0666'}]}]")]
    [InlineData("services: [{name: a, image: b, uidMappings: [{hostID: 1, containerID: 2, size: 3}]}]")]
    [InlineData("services: [{name: a, image: b, runtime: {mkdir: [/x], cgroups: [y], namespace: z, bindNS: {net: /run/n}, interfaces: [{name: v, add: veth, peer: p, createInRoot: true}]}}]")]
    [InlineData("onboot: [{name: a, image: b}, {name: a, image: b}]")]
    [InlineData("onshutdown: [{name: a, image: b}]")]
    [InlineData("volumes: [{name: v, image: a, readonly: true, format: filesystem, platforms: [linux/amd64]}]")]
    [InlineData("volumes: [{name: v, format: oci}]")]
    [InlineData("files: [{path: etc/x, contents: ''}]")]
    [InlineData("files: [{path: /etc/x, contents: y, mode: '0644', uid: 1, gid: a}]")]
    [InlineData("files: [{path: d, directory: true, mode: '0755'}]")]
    [InlineData("files: [{path: l, symlink: /x}]")]
    [InlineData("files: [{path: s, source: ~/x, optional: true}]")]
    [InlineData("files: [{path: m, metadata: yaml}]")]
    [InlineData("trust: {image: [a], org: [b]}")]
    [InlineData("outputs: [{format: kernel+initrd}]")]
    [InlineData("services: [{name: a, image: b, disableOOMKiller: true}]")]
    [InlineData("a: &x {image: b}\ninit: []", "there is no key 'a'")]
    [InlineData("services:\n- &one {name: a, image: b}\n- {<<: *one, name: c}")]
    [InlineData("{\"init\": [\"a\"]}")]
    public void It_is_read(string yaml, string? fault = null)
    {
        if (fault is null)
            Assert.NotNull(Read(yaml));
        else
            Assert.Contains(fault, Assert.Throws<LinuxKitException>(() => Read(yaml)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "a.yaml: is empty; it has to say at least what to boot, see kernel")]
    [InlineData("- a", "a.yaml:1:1: the YAML wants keys with values, and this is a list")]
    [InlineData("kernal: {}", "a.yaml:1:1: there is no key 'kernal'; did you mean kernel?")]
    [InlineData("system: []", "a.yaml:1:1: there is no key 'system'; there are: kernel, init")]
    [InlineData("x-foo: 1", "there is no key 'x-foo'")]
    [InlineData("kernel: {image: a, cmdLine: b}", "a.yaml:1:20: kernel has no key 'cmdLine'; did you mean cmdline?")]
    [InlineData("kernel: a", "a.yaml:1:9: kernel wants keys with values, and \"a\" is text")]
    [InlineData("kernel: {image: 5}", "a.yaml:1:17: kernel.image wants text, and 5 is an integer; put it in quotes: \"5\"")]
    [InlineData("kernel: {image: }", "kernel.image wants text, and there is nothing; leave the key out, or give it a value")]
    [InlineData("init: a", "a.yaml:1:7: init wants a list, and \"a\" is text")]
    [InlineData("init: [1.5]", "init[0] wants text, and 1.5 is a float; put it in quotes: \"1.5\"")]
    [InlineData("init: [[a]]", "init[0] wants text, and this is a list")]
    [InlineData("init: [true]", "init[0] wants text, and true is a boolean; put it in quotes: \"true\"")]
    [InlineData("init:", "init wants a list, and there is nothing")]
    [InlineData("services: [{name: a}]", "a.yaml:1:12: services[0] lacks the key image")]
    [InlineData("services: [{image: a}]", "services[0] lacks the key name")]
    [InlineData("services: [{name: a, image: b, comand: [x]}]", "services[0] has no key 'comand'; did you mean command?")]
    [InlineData("services: [{name: a, image: b, command: [sleep, 100]}]", "services[0].command[1] wants text, and 100 is an integer; put it in quotes: \"100\"")]
    [InlineData("services: [{name: a, image: b, readonly: yes}]", "services[0].readonly wants true or false, and \"yes\" is text; only true and false without quotes will do")]
    [InlineData("services: [{name: a, image: b, readonly: 'true'}]", "only true and false without quotes will do")]
    [InlineData("services: [{name: a, image: b, uid: 1.5}]", "services[0].uid wants a whole number or text")]
    [InlineData("services: [{name: a, image: b, user-binds: []}]", "services[0] has no key 'user-binds'")]
    [InlineData("services: [{name: a, image: b, resources: {memory: {limits: 5}}}]", "services[0].resources.memory has no key 'limits'; did you mean limit?")]
    [InlineData("services: [{name: a, image: b, devices: [{type: c}]}]", "services[0].devices[0] lacks the key path")]
    [InlineData("services: [{name: a, image: b, devices: [{path: x, mode: 0666}]}]", "devices[0].mode wants text")]
    [InlineData("services: [{name: a, image: b, sysctl: {a: 1}}]", "services[0].sysctl.a wants text, and 1 is an integer")]
    [InlineData("services: [{name: ../x, image: b}]", "services[0].name is '../x'; a container's name has letters")]
    [InlineData("services: [{name: '', image: b}]", "services[0].name is ''")]
    [InlineData("services: [{name: a, image: b}, {name: a, image: c}]", "a.yaml:1:33: there are two services with the name a; names are unique")]
    [InlineData("services: [{name: a, image: '@pkg:./x'}]", "which LinuxKit's own package builder resolves")]
    [InlineData("services: [{name: a, image: b, name: c}]", "uplicate key")]
    [InlineData("volumes: [{name: A}]", "a volume's name has small letters, digits, '_' and '-', not 'A'")]
    [InlineData("volumes: [{name: a}, {name: a}]", "there are two volumes with the name a")]
    [InlineData("volumes: [{name: a, format: iso}]", "a volume's format is filesystem or oci, not 'iso'")]
    [InlineData("volumes: [{name: a, platforms: [linux/amd64, linux/arm64]}]", "more than one platform in a volume is not supported")]
    [InlineData("files: [{path: x}]", "contents of file (x) not specified")]
    [InlineData("files: [{contents: x}]", "files[0] lacks the key path")]
    [InlineData("files: [{path: ../x, contents: ''}]", "the path '../x' is not within the image")]
    [InlineData("files: [{path: /, directory: true}]", "the path '/' is not within the image")]
    [InlineData("files: [{path: x, contents: 5}]", "files[0].contents wants text")]
    [InlineData("files: [{path: x, contents: a, source: b}]", "has contents, is a directory or a symlink, and so has neither source nor metadata")]
    [InlineData("files: [{path: x, directory: true, contents: a}]", "is a directory, and so has no contents")]
    [InlineData("files: [{path: x, source: a, metadata: yaml}]", "has source or metadata, not both")]
    [InlineData("files: [{path: x, metadata: toml}]", "metadata of x is yaml or json, not 'toml'")]
    [InlineData("files: [{path: x, contents: a, mode: 0644}]", "files[0].mode wants text, and 0644 is an integer; put it in quotes: \"0644\"")]
    [InlineData("files: [{path: x, contents: a, mode: '0999'}]", "a mode is octal, such as \"0644\", not '0999'")]
    [InlineData("files: [{path: x, contents: a, mode: '17777'}]", "a mode is octal")]
    [InlineData("outputs: [{formt: x}]", "outputs[0] has no key 'formt'; did you mean format?")]
    [InlineData("outputs: [{project: x}]", "an output lacks the key format")]
    [InlineData("init: [a", "a.yaml:")]
    [InlineData("init: *nothing", "anchor 'nothing'")]
    [InlineData("{<<: 5}", "<< merges maps")]
    [InlineData("{[a]: b}", "a key is one word, and no list or map")]
    [InlineData("? &a [*a]\n: 1", "a key is one word, and no list or map")]
    [InlineData("init: &a []\n*a : 1", "a key is one word, and no list or map")]
    public void It_is_refused(string yaml, string fault)
    {
        var refused = Assert.Throws<LinuxKitException>(() => Read(yaml));

        Assert.Contains(fault, refused.Message, StringComparison.Ordinal);
        Assert.StartsWith("a.yaml", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_faults_come_at_once() =>
        Assert.Equal(
            ["a.yaml:1:1: there is no key 'inti'; did you mean init?", "a.yaml:2:12: services[0] lacks the key image"],
            Assert.Throws<LinuxKitException>(() => Read("inti: []\nservices: [{name: a}]")).Faults);

    [Fact]
    public void Aliases_that_multiply_are_refused()
    {
        var yaml = "init: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + string.Concat(Enumerable.Range(1, 9).Select(i => $"k{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));

        Assert.Contains("aliases (*name) may multiply them", Assert.Throws<LinuxKitException>(() => Read(yaml)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_nests_too_deep_is_refused() =>
        Assert.Contains("deeper than 64", Assert.Throws<LinuxKitException>(() => Read(new string('[', 100_000))).Message, StringComparison.Ordinal);

    [Fact]
    public void Several_files_are_merged()
    {
        var merged = ConfigurationReader.Read([("a", "kernel: {image: k, cmdline: a}\ninit: [x]\nservices: [{name: s, image: i}]"), ("b", "kernel: {cmdline: b}\ninit: [y]\nservices: [{name: t, image: i}]")]);

        Assert.Equal(("k", "b"), (merged.Kernel!.Image, merged.Kernel.Cmdline));
        Assert.Equal(["x", "y"], merged.Init);
        Assert.Equal(["s", "t"], merged.Services.Select(service => service.Name));
    }

    [Fact]
    public void An_empty_word_of_a_later_file_takes_nothing_back_but_the_modules()
    {
        var merged = ConfigurationReader.Read([("a", "kernel: {image: k, cmdline: a, binary: b, tar: c}"), ("b", "kernel: {image: '', cmdline: '', binary: '', tar: ''}")]);

        Assert.Equal(("k", "a", "b", ""), (merged.Kernel!.Image, merged.Kernel.Cmdline, merged.Kernel.Binary, merged.Kernel.Tar));
    }

    [Fact]
    public void What_is_of_2017_is_told_once_each() =>
        Assert.Equal(3, Read("trust: {org: [linuxkit]}\noutputs: [{format: kernel+initrd}]\nservices: [{name: a, image: b, disableOOMKiller: true}]").Notes.Count);

    private static ImageConfiguration Read(string yaml) => ConfigurationReader.Read([("a.yaml", yaml)]);
}
