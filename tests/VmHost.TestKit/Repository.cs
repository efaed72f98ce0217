namespace VmHost.TestKit;

/// <summary>Where things are in this checkout.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string FakeHypervisor => Built("VmHost.FakeHypervisor", "fakehv");

    /// <summary>The fake hypervisor as another one: xhyve, hyperkit, and xhyve-on-qemu and hyperkit-on-qemu, which boot.</summary>
    public static string Face(string name) => Built("VmHost.FakeHypervisor", Path.Combine("faces", name));

    /// <summary>The shim as built, or the program in VMHOST_TEST_SHIM: scripts/test-arm64 names one that runs under qemu-user.</summary>
    public static string Shim => EmulatedShim ?? Built("VmHost.Shim", "vmhost-shim");

    /// <summary>
    /// Whether the shim runs under qemu-user, where vfork is a fork: <c>posix_spawn</c> cannot report there that a
    /// program was not executed.
    /// </summary>
    public static bool IsShimEmulated => EmulatedShim is not null;

    private static string? EmulatedShim => Environment.GetEnvironmentVariable("VMHOST_TEST_SHIM");

    public static string Daemon => Built("VmHost.Daemon", "vmhostd");

    public static string Cli => Built("VmHost.Cli", "vmctl");

    /// <summary>The assembly of a project of <c>src/</c>.</summary>
    public static string Assembly(string project, string name) => Built(project, $"{name}.dll");

    /// <summary>A program as <c>scripts/publish</c> makes it.</summary>
    public static string Published(string program) => Path.Combine(Root, "artifacts", "dist", "linux-x64", program);

    /// <summary>A program as <c>scripts/previous-version</c> made it.</summary>
    /// <param name="part">daemon or shim.</param>
    /// <param name="program">Its name.</param>
    /// <exception cref="InvalidOperationException">The script has not run.</exception>
    public static string Previous(string part, string program)
    {
        var builds = Path.Combine(Root, "artifacts", "previous");
        var complete = Directory.Exists(builds) ? Directory.GetDirectories(builds).Where(build => File.Exists(Path.Combine(build, "complete"))).ToList() : [];
        return complete is [var build]
            ? Path.Combine(build, part, program)
            : throw new InvalidOperationException($"{builds} has {complete.Count} builds of a previous version, not one; run scripts/previous-version");
    }

    /// <summary>NativeAOT, so that its own start is short.</summary>
    public static string PublishedFakeHypervisor => Path.Combine(Root, "artifacts", "publish-linux-x64", "FakeHypervisor", "fakehv");

    public static string Images => Path.Combine(Root, "artifacts", "images");

    private static string Built(string project, string program)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
        return Path.Combine(Root, "artifacts", "bin", project, configuration, program);
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "VmHost.sln")))
            directory = directory.Parent;

        return directory?.FullName ?? throw new InvalidOperationException("no VmHost.sln above the test's program");
    }
}
