using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Outputs;

namespace VmHost.LinuxKit.Tests;

/// <summary>
/// The bytes of LinuxKit's own tool. The digest below is of the initrd that the real one wrote, unpacked: LinuxKit at 6062f9164 (2022-12-30), the
/// newest that Debian 12's Go builds, with the version in its runtime-spec set to today's 1.2.1. To record it anew set VMHOST_KEEP_REFERENCE to a
/// directory, and build its YAML there with the tool, its cache being the directory's <c>store</c>.
/// </summary>
public sealed class ReferenceTests
{
    private const string Recorded = "12d1b9dbd0b5ea38062e0c070cddc77f4ed8a6c8e7c6f5e33b21fea31b6f81ab";

    private const string Yaml = """
        kernel: {image: "docker.io/t/kernel:1", cmdline: "console=ttyS0"}
        init: ["docker.io/t/init:1", "docker.io/t/edge:1"]
        onboot:
        - {name: a, image: "docker.io/t/edge:1", readonly: true}
        - {name: b, image: "docker.io/t/edge:1", command: ["/x"]}
        - {name: lab, image: "docker.io/t/label:1", capabilities.add: [CAP_SYSLOG]}
        onshutdown:
        - {name: bye, image: "docker.io/t/label:1", binds.add: ["/a:/b:ro"]}
        services:
        - {name: one, image: "docker.io/t/label:1", capabilities: [none], binds: [], net: host, readonly: true}
        - name: two
          image: "docker.io/t/init:1"
          capabilities: [CAP_NET_ADMIN, CAP_CHOWN]
          ambient: [CAP_SYSLOG]
          tmpfs: ["/t:size=1m,ro", "/u"]
          mounts: [{type: mqueue}, {destination: /m, type: tmpfs, source: s, options: [ro, noexec]}]
          devices: [{path: /dev/null, type: c, major: 1, minor: 3, mode: "0666"}]
          env: ["X=why"]
          cwd: /c
          ipc: new
          uts: new
          pid: host
          userns: new
          maskedPaths: [/mask]
          readonlyPaths: [/ro]
          uid: one
          gid: 7
          additionalGids: [8, two]
          noNewPrivileges: true
          hostname: h
          oomScoreAdj: -800
          cgroupsPath: /cg
          resources: {memory: {limit: 1000000, swap: 5}, cpu: {shares: 7, cpus: "0-1"}, pids: {limit: 9}, devices: [{allow: false, access: rwm}]}
          sysctl: {b.x: "2", a.x: "1"}
          rlimits: ["nofile,1024,unlimited", "core,0,0"]
          annotations: {z: why}
          runtime: {cgroups: [q], mkdir: [/k], namespace: ns, mounts: [{type: tmpfs, destination: /rt, options: [x]}], bindNS: {uts: /u}, interfaces: [{name: eth1, createInRoot: true}]}
        files:
        - {path: etc/docker/daemon.json, contents: '{"debug": true}'}
        - {path: /a/b/c, contents: "", mode: "0644", uid: two, gid: 4}
        - {path: a/dir, directory: true, mode: "0711"}
        - {path: a/link, symlink: /x/y}
        - {path: none, source: /not/there, optional: true}
        """;

    private const string Label =
        """{"capabilities":["CAP_SYS_ADMIN"],"binds":["/dev:/dev","/etc/resolv.conf:/etc/resolv.conf"],"pid":"host","net":"new","devices":[{"path":"all","type":"b"}],"rootfsPropagation":"shared","runtime":{"mkdir":["/var/x"],"bindNS":{"net":"/run/netns/a"},"interfaces":[{"name":"v","add":"veth","peer":"p"}]}}""";

    [Fact]
    public async Task The_initrd_has_the_bytes_of_linuxkits_own_tool()
    {
        using var images = Images();
        await images.LoadAsync();
        var request = new BuildRequest
        {
            Texts = [("x.yaml", Yaml)],
            Name = "x",
            OutputDirectory = images.Combine("out"),
            Architecture = "amd64",
            StoreDirectory = images.StoreDirectory,
            Layout = Layout.Today,
            Compression = Compression.None,
            WorkingDirectory = "/",
            Home = "/",
        };
        await new ImageBuilder(new SilentProgress()).BuildAsync(request, TestContext.Current.CancellationToken);
        if (Environment.GetEnvironmentVariable("VMHOST_KEEP_REFERENCE") is { } kept)
        {
            Directory.Move(images.Combine("out"), kept);
            Directory.Move(images.StoreDirectory, Path.Combine(kept, "store"));
            await File.WriteAllTextAsync(Path.Combine(kept, "x.yaml"), Yaml, TestContext.Current.CancellationToken);
            return;
        }

        Assert.Equal(Recorded, Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(images.Combine("out/x-initrd.img"), TestContext.Current.CancellationToken))));
    }

    private static TestImages Images()
    {
        const string Deep = "a-long-name-of-a-directory/a-long-name-of-a-directory/a-long-name-of-a-directory/a-long-name-of-a-directory/a-long-name";
        var modules = new TestLayer().Directory("./lib/").Directory("./lib/modules/").File("./lib/modules/a.ko", "module");
        var lower = new TestLayer().Directory("./").Directory("etc/", 0b111_000_000, uid: 3).File("etc/gone", "x").File("etc/kept", "old").Directory("dir").File("dir/below", "x")
            .File("was-file", "x").File("linked", "x").HardLink("link", "linked").Directory("bin").File("bin/a", "x", 0b100_111_101_101).HardLink("bin/b", "bin/a")
            .Directory("sub").HardLink("sub/c", "bin/a").Directory("sticky", 0b001_111_111_111).File("setgid", "x", 0b010_111_101_101).Directory("dev").Device("dev/null", 1, 3).Device("dev/console", 5, 1)
            .Directory("dev/pts").File("dev/pts/x", "x").Fifo("fifo").WithAttribute("capable", "security.capability", "v").Symlink("far", new string('t', 300)).Directory("naïve").File("naïve/größe", "x")
            .Directory("empty").File("fraction", "x", time: DateTimeOffset.FromUnixTimeMilliseconds(1234567890900)).File("owned", "x", uid: 70000, gid: 5).File(".dockerenv").File("Dockerfile").File("sub/Dockerfile")
            .File("etc/hostname", "x").Symlink("etc/mtab", "/x");
        foreach (var directory in EntryPath.Ancestors(Deep + "/"))
            lower.Directory(directory);
        lower.File(Deep + "/file", "x");
        var upper = new TestLayer().Directory("etc", 0b111_001_001).File("etc/.wh.gone").File("etc/kept", "new").File(".wh.dir").Directory("was-file").File("was-file/now", "x")
            .File("etc/resolv.conf", "x", 0b110_000_000, uid: 9).File("etc/hosts", "x", 0b110_100_000);

        return new TestImages()
            .Add("docker.io/t/kernel:1", new TestLayer().File("kernel", "KERNEL").File("kernel.tar", Encoding.Latin1.GetString(modules.Tar())))
            .Add("docker.io/t/init:1", new JsonObject { ["Entrypoint"] = new JsonArray("/init") }, new TestLayer().File("init", "#!", 0b111_101_101).Directory("etc"))
            .Add("docker.io/t/edge:1", new JsonObject { ["Entrypoint"] = new JsonArray("/bin/a"), ["Cmd"] = new JsonArray("x", "<&>"), ["Env"] = new JsonArray("A=b", "P=ü"), ["WorkingDir"] = "/w", ["User"] = "9:9" }, lower, upper)
            .Add("docker.io/t/label:1", new JsonObject { ["Cmd"] = new JsonArray("/l"), ["Labels"] = new JsonObject { ["org.mobyproject.config"] = Label } }, lower);
    }
}
