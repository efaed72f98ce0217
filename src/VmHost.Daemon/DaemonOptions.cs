using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Daemon;

/// <summary>
/// The daemon's settings: from the command line (<c>--state-dir</c>) or from <c>VMHOST_…</c> variables
/// (<c>VMHOST_STATE_DIR</c>), and from nothing else.
/// </summary>
internal sealed class DaemonOptions
{
    /// <summary>Records and console journals; absolute, on a local disk.</summary>
    [Required]
    public string StateDir { get; set; } = DefaultDirectories.State;

    /// <summary>Sockets; absolute and short: a socket's path may have 103 bytes.</summary>
    [Required]
    public string RunDir { get; set; } = DefaultDirectories.Run;

    /// <summary>Where clients connect. Empty: <c>vmhostd.sock</c> in the run directory.</summary>
    public string Socket { get; set; } = "";

    /// <summary>The vmhost-shim program. Empty: the one beside this program.</summary>
    public string Shim { get; set; } = "";

    /// <summary>The QEMU program. Empty: looked for in PATH and the usual places.</summary>
    public string Qemu { get; set; } = "";

    /// <summary>What QEMU runs guests by: kvm, hvf or tcg (software). Empty: the best that works here.</summary>
    [AllowedValues("", "kvm", "hvf", "tcg", ErrorMessage = "--accelerator must be kvm, hvf or tcg")]
    public string Accelerator { get; set; } = "";

    /// <summary>The xhyve program. Empty: as for QEMU.</summary>
    public string Xhyve { get; set; } = "";

    /// <summary>The hyperkit program. Empty: as for QEMU.</summary>
    public string HyperKit { get; set; } = "";

    /// <summary>The vfkit program. Empty: as for QEMU.</summary>
    public string Vfkit { get; set; } = "";

    /// <summary>Names of environment variables that shims and hypervisors get, next to the few that they always get.</summary>
    public IList<string> PassEnv { get; } = [];

    /// <summary>How large a machine's console journal may grow, in bytes. 1 MiB to 1 TiB.</summary>
    [Range(1L << 20, 1L << 40)]
    public long ConsoleBytes { get; set; } = 64L << 20;

    /// <summary>Connections at the same time. 1 to 100,000.</summary>
    [Range(1, 100_000)]
    public int MaxConnections { get; set; } = 1000;

    /// <summary>
    /// How long a client may be silent, in seconds: it is asked after three quarters of that, and given up if it does not answer. 4 to
    /// 86,400. A client that comes back, as after a sleep of the host, goes on where it was.
    /// </summary>
    [Range(4, 86_400)]
    public int ClientTimeoutSeconds { get; set; } = 40;

    /// <summary>Machines that may exist, running or not. 1 to 100,000.</summary>
    [Range(1, 100_000)]
    public int MaxMachines { get; set; } = 1000;

    /// <summary>What the guests that run may have together, in bytes. 0: as much as this host has.</summary>
    [Range(0, 1L << 50)]
    public long MaxMemoryBytes { get; set; }

    /// <summary>What must be free on the state directory's disk for a machine to be started, in bytes. Default 64 MiB.</summary>
    [Range(0, 1L << 50)]
    public long MinFreeBytes { get; set; } = 64L << 20;

    /// <summary>With the default filled in: what this process could have, so a container's limit counts.</summary>
    internal ByteSize MaxMemory =>
        MaxMemoryBytes > 0 ? new(MaxMemoryBytes) : ByteSize.FromMiB(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20);

    /// <summary>Where clients connect, with the default filled in.</summary>
    internal string SocketPath => Socket.Length > 0 ? Socket : Path.Combine(RunDir, "vmhostd.sock");
}

/// <summary>Where things are unless somebody says otherwise: the XDG directories.</summary>
internal static class DefaultDirectories
{
    internal static string State =>
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state
            ? Path.Combine(state, "vmhost")
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state", "vmhost");

    internal static string Run =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } run
            ? Path.Combine(run, "vmhost")
            : FormattableString.Invariant($"/tmp/vmhost-{User.Id}");
}

/// <summary>The ranges of the attributes, generated.</summary>
[OptionsValidator]
internal sealed partial class DaemonOptionsValidator : IValidateOptions<DaemonOptions>;

/// <summary>What attributes cannot say: paths are absolute and leave room for socket names, and variables have names.</summary>
internal sealed class DaemonPathsValidator : IValidateOptions<DaemonOptions>
{
    // run directory / machine id / longest socket name.
    private const int MachineSocketBytes = 1 + 12 + 1 + 9;

    public ValidateOptionsResult Validate(string? name, DaemonOptions options)
    {
        var faults = new List<string>();
        Absolute(options.StateDir, "--state-dir", faults);
        Absolute(options.RunDir, "--run-dir", faults);
        foreach (var (value, option) in new[]
        {
            (options.Socket, "--socket"), (options.Shim, "--shim"), (options.Qemu, "--qemu"), (options.Xhyve, "--xhyve"),
            (options.HyperKit, "--hyperkit"), (options.Vfkit, "--vfkit"),
        })
        {
            if (value.Length > 0)
                Absolute(value, option, faults);
        }

        foreach (var variable in options.PassEnv)
        {
            if (!HypervisorEnvironment.IsName(variable))
                faults.Add($"--pass-env must be the name of an environment variable, not '{variable}'");
        }

        TooLong(options.SocketPath, 0, options.Socket.Length > 0 ? "--socket" : "--run-dir", faults);
        TooLong(options.RunDir, MachineSocketBytes, "--run-dir", faults);
        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }

    private static void Absolute(string path, string option, List<string> faults)
    {
        if (!Path.IsPathFullyQualified(path))
            faults.Add($"{option} must be an absolute path, not '{path}'");
    }

    private static void TooLong(string path, int more, string option, List<string> faults)
    {
        var bytes = System.Text.Encoding.UTF8.GetByteCount(path) + more;
        if (bytes > UnixListener.MaxPathBytes)
            faults.Add($"{option} is too long: a socket below it would have a path of {bytes} bytes, and {UnixListener.MaxPathBytes} is the most; choose a shorter one");
    }
}
