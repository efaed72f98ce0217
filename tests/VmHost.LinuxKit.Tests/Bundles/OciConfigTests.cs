using System.Text;
using VmHost.LinuxKit.Bundles;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;
using VmHost.TestKit;

namespace VmHost.LinuxKit.Tests.Bundles;

/// <summary>What a guest's init reads. The golden files hold what the reference tool writes for the same YAML, as far as that was recorded.</summary>
public sealed class OciConfigTests
{
    private const string Sysctl = "onboot: [{name: sysctl, image: s, net: host, pid: host, ipc: host, capabilities: [CAP_SYS_ADMIN], readonly: true}]";
    private const string Redis = "services: [{name: redis, image: r, net: host, capabilities: [CAP_NET_BIND_SERVICE, CAP_CHOWN, CAP_SETUID, CAP_SETGID, CAP_DAC_OVERRIDE]}]";

    private static readonly ImageSettings SysctlImage = new()
    {
        Command = ["/usr/bin/sysctl"],
        Environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    };

    private static readonly ImageSettings RedisImage = new()
    {
        Entrypoint = ["docker-entrypoint.sh"],
        Command = ["redis-server"],
        Environment = ["PATH=/usr/bin", "REDIS_VERSION=3.0.7"],
        WorkingDirectory = "/data",
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_tutorials_sysctl(bool is2017) => Matches($"linuxkit/sysctl-{(is2017 ? "2017" : "today")}.json", Sysctl, SysctlImage, is2017);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_tutorials_redis(bool is2017) => Matches($"linuxkit/redis-{(is2017 ? "2017" : "today")}.json", Redis, RedisImage, is2017);

    [Fact]
    public void Everything_that_can_be_set() => Matches(
        "linuxkit/everything.json",
        """
        volumes: [{name: v}]
        services:
        - name: all
          image: x
          capabilities: [all]
          ambient: [CAP_BPF]
          binds: ["v:/data", "/a:/b:ro"]
          tmpfs: ["/t:size=1m,ro"]
          mounts: [{type: mqueue}, {destination: /proc, type: tmpfs}]
          devices: [{path: all, type: b}, {path: /dev/null, type: c, major: 1, minor: 3, mode: "0666"}]
          command: ["a<b>&c", "\u2028é😀\u007f"]
          env: []
          cwd: /w
          net: new
          ipc: new
          uts: /run/uts
          pid: host
          userns: new
          maskedPaths: [/m]
          readonlyPaths: [/r]
          uid: all
          gid: 7
          additionalGids: [8, all]
          noNewPrivileges: true
          hostname: h
          oomScoreAdj: 0
          rootfsPropagation: shared
          cgroupsPath: /c
          resources: {network: {classID: 5}, memory: {disableOOMKiller: true, kernelTCP: 3, limit: 0}, devices: [{allow: false, access: rwm}, {access: r}], blockio: {leafWeight: 2}, hugepageLimits: [{pageSize: 2MB, limit: 9}, {pageSize: 2048, limit: 1}]}
          sysctl: {b: "2", a: "1"}
          rlimits: ["nofile,1024,unlimited"]
          uidMappings: [{hostID: 1, containerID: 2, size: 3}]
          annotations: {z: y}
        """,
        SysctlImage,
        is2017: false);

    [Fact]
    public void The_label_counts_where_the_yaml_says_nothing()
    {
        var image = SysctlImage with { Label = """{"capabilities": ["CAP_BPF"], "readonly": true, "cwd": "/l", "binds": ["/l:/l"], "net": "new"}""" };

        var settings = Settings("services: [{name: a, image: b, capabilities.add: [CAP_CHOWN], binds: [], cwd: '', net: host}]", image, true);

        Assert.Equal(["CAP_BPF", "CAP_CHOWN"], settings.TextsAndMore("capabilities"));
        Assert.Empty(settings.TextsAndMore("binds"));
        Assert.True(settings.IsReadOnly);
        Assert.Equal("/l", settings.Text("cwd"));
        Assert.Equal("host", settings.Text("net"));
        Assert.Empty(Settings("services: [{name: a, image: b}]", image, readLabel: false).TextsAndMore("capabilities"));
    }

    [Fact]
    public void An_empty_text_clears_the_labels()
    {
        var image = SysctlImage with { Label = """{"rootfsPropagation": "shared", "cgroupsPath": "/c"}""" };

        Assert.Contains("shared", Text("services: [{name: a, image: b}]"), StringComparison.Ordinal);
        var cleared = Text("services: [{name: a, image: b, rootfsPropagation: '', cgroupsPath: ''}]");
        Assert.DoesNotContain("shared", cleared, StringComparison.Ordinal);
        Assert.DoesNotContain("/c\"", cleared, StringComparison.Ordinal);

        string Text(string yaml) => Encoding.UTF8.GetString(Config(yaml, image, is2017: false));
    }

    [Theory]
    [InlineData("4294967295", "4294967295")]
    [InlineData("0x10", "16")]
    [InlineData("1_000", "1000")]
    public void Numbers_of_users_may_be_as_large_as_linux_has_them(string written, string number) =>
        Assert.Contains($"\"uid\": {number},", Encoding.UTF8.GetString(Config($"services: [{{name: a, image: b, uid: {written}}}]", SysctlImage, is2017: false)), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"name": "x"}""", "has no key 'name'")]
    [InlineData("""{"readonly": "yes"}""", "wants true or false")]
    [InlineData("{", "label org.mobyproject.config")]
    public void A_wrong_label_is_refused(string label, string fault) =>
        Assert.Contains(fault, Assert.Throws<LinuxKitException>(() => Settings("services: [{name: a, image: b}]", SysctlImage with { Label = label }, true)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("capabilities: [CAP_SYS_ADMN]", "unknown capability: CAP_SYS_ADMN; did you mean CAP_SYS_ADMIN?")]
    [InlineData("capabilities: [SYS_ADMIN]", "unknown capability: SYS_ADMIN; did you mean CAP_SYS_ADMIN?")]
    [InlineData("capabilities: [all, CAP_BPF]", "unknown capability: all")]
    [InlineData("binds: [/a]", "bind '/a' is not SOURCE:DESTINATION")]
    [InlineData("binds: ['a:/b']", "'a' is no path from the root, and there is no volume of that name")]
    [InlineData("tmpfs: ['a:b:c']", "too many colons")]
    [InlineData("mounts: [{destination: /x}]", "mount for destination /x is missing type")]
    [InlineData("mounts: [{type: tmpfs}]", "lacks its destination")]
    [InlineData("devices: [{path: /dev/x, type: c}]", "the device /dev/x lacks its mode")]
    [InlineData("devices: [{path: /dev/x, mode: '0666'}]", "lacks its type")]
    [InlineData("rlimits: [nofile]", "is not NAME,SOFT,HARD")]
    [InlineData("rlimits: ['nofiles,1,2']", "there is no rlimit 'nofiles'; did you mean RLIMIT_NOFILE?")]
    [InlineData("rlimits: ['nofile,1,x']", "'x' is neither a number nor unlimited")]
    [InlineData("net: bridge", "the network namespace is 'bridge'; write host, new, or a path")]
    [InlineData("uid: nobody", "uid: cannot find id: nobody")]
    public void Values_that_no_container_can_have_are_refused(string keys, string fault) =>
        Assert.Contains(fault, Assert.Throws<LinuxKitException>(() => Config($"services: [{{name: a, image: b, {keys}}}]", SysctlImage, false)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_readonly_volume_is_mounted_readonly() =>
        Assert.Contains("mount it with the option ro", Assert.Throws<LinuxKitException>(() => Config("volumes: [{name: v, readonly: true}]\nservices: [{name: a, image: b, binds: ['v:/b']}]", SysctlImage, false)).Message, StringComparison.Ordinal);

    [Fact]
    public void Runtime_json_has_all_its_keys()
    {
        var settings = Settings("services: [{name: a, image: b, runtime: {mkdir: [x], bindNS: {net: /run/n}, interfaces: [{name: v, add: veth}]}}]", SysctlImage with { Label = """{"runtime": {"bindNS": {"pid": "/run/p"}}}""" }, true);

        Golden.Matches("linuxkit/runtime.json", Encoding.UTF8.GetString(GoJson.Write(RuntimeConfig.Build(settings, [new("/r", "", "/s", ["bind"])]))).Split('\n'));
    }

    private static void Matches(string golden, string yaml, ImageSettings image, bool is2017) =>
        Golden.Matches(golden, Encoding.UTF8.GetString(Config(yaml, image, is2017)).Split('\n'));

    private static byte[] Config(string yaml, ImageSettings image, bool is2017)
    {
        var configuration = ConfigurationReader.Read([("a.yaml", yaml)]);
        var settings = new ContainerSettings(configuration.Containers.First(), image, !is2017);
        return GoJson.Write(new OciConfig(settings, configuration.Volumes, ContainerIds.Allocate(configuration.Containers), is2017, "amd64").Build());
    }

    private static ContainerSettings Settings(string yaml, ImageSettings image, bool readLabel) =>
        new(ConfigurationReader.Read([("a.yaml", yaml)]).Containers.First(), image, readLabel);
}
