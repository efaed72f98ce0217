using System.Globalization;

namespace VmHost.Daemon;

/// <summary>The daemon's own command line. The values themselves are checked with the options.</summary>
internal static class CommandLine
{
    internal const string Help = """
        vmhostd runs virtual machines for vmctl and other clients, on a Unix socket.

        Usage: vmhostd [options]

          --state-dir DIR       records and console journals        (VMHOST_STATE_DIR)
          --run-dir DIR         sockets                             (VMHOST_RUN_DIR)
          --socket PATH         where clients connect               (VMHOST_SOCKET)
          --shim PATH           the vmhost-shim program             (VMHOST_SHIM)
          --qemu PATH           the qemu-system-x86_64 program      (VMHOST_QEMU)
          --accelerator NAME    of QEMU: kvm, hvf or tcg            (VMHOST_ACCELERATOR)
          --xhyve PATH          the xhyve program                   (VMHOST_XHYVE)
          --hyperkit PATH       the hyperkit program                (VMHOST_HYPERKIT)
          --vfkit PATH          the vfkit program                   (VMHOST_VFKIT)
          --pass-env NAME       passed to hypervisors; repeatable    (VMHOST_PASS_ENV)
          --console-bytes N     cap of a machine's console journal  (VMHOST_CONSOLE_BYTES)
          --max-connections N   connections at the same time        (VMHOST_MAX_CONNECTIONS)
          --client-timeout-seconds N  after which a silent one goes (VMHOST_CLIENT_TIMEOUT_SECONDS)
          --max-machines N      machines, running or not            (VMHOST_MAX_MACHINES)
          --max-memory-bytes N  guest memory of all that run        (VMHOST_MAX_MEMORY_BYTES)
          --min-free-bytes N    of the state disk, for a start      (VMHOST_MIN_FREE_BYTES)
          --help, --version

        Shims and hypervisors get PATH, HOME, USER, LANG, LC_*, TZ, TMPDIR and XDG_RUNTIME_DIR from the daemon's environment,
        and those that --pass-env or VMHOST_PASS_ENV (separated by commas) name.
        SIGTERM and SIGINT end the daemon; machines go on and are found again at the next start.
        Exit codes: 0 ended, 1 failed, 2 wrong arguments, 75 another daemon has the directory or the socket.
        """;

    private const string PassEnv = "--pass-env";

    private static readonly Dictionary<string, string> Options = new(StringComparer.Ordinal)
    {
        ["--state-dir"] = nameof(DaemonOptions.StateDir),
        ["--run-dir"] = nameof(DaemonOptions.RunDir),
        ["--socket"] = nameof(DaemonOptions.Socket),
        ["--shim"] = nameof(DaemonOptions.Shim),
        ["--qemu"] = nameof(DaemonOptions.Qemu),
        ["--accelerator"] = nameof(DaemonOptions.Accelerator),
        ["--xhyve"] = nameof(DaemonOptions.Xhyve),
        ["--hyperkit"] = nameof(DaemonOptions.HyperKit),
        ["--vfkit"] = nameof(DaemonOptions.Vfkit),
        [PassEnv] = nameof(DaemonOptions.PassEnv),
        ["--console-bytes"] = nameof(DaemonOptions.ConsoleBytes),
        ["--max-connections"] = nameof(DaemonOptions.MaxConnections),
        ["--client-timeout-seconds"] = nameof(DaemonOptions.ClientTimeoutSeconds),
        ["--max-machines"] = nameof(DaemonOptions.MaxMachines),
        ["--max-memory-bytes"] = nameof(DaemonOptions.MaxMemoryBytes),
        ["--min-free-bytes"] = nameof(DaemonOptions.MinFreeBytes),
    };

    /// <summary>The settings as configuration keys.</summary>
    /// <param name="args">As given to the program.</param>
    /// <param name="settings">What was set.</param>
    /// <returns>What is wrong, or null.</returns>
    internal static string? Parse(string[] args, out Dictionary<string, string?> settings)
    {
        settings = FromEnvironment();
        for (var i = 0; i < args.Length; i++)
        {
            var (option, value) = args[i].Split('=', 2) is [var left, var right] ? (left, right) : (args[i], null);
            if (!Options.TryGetValue(option, out var key))
                return $"there is no option '{option}'; see vmhostd --help";

            if (value is null && ++i == args.Length)
                return $"{option} wants a value; see vmhostd --help";

            Set(settings, option, key, value ?? args[i]);
        }

        return null;
    }

    private static Dictionary<string, string?> FromEnvironment()
    {
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (option, key) in Options)
        {
            var variable = "VMHOST_" + option[2..].Replace('-', '_').ToUpperInvariant();
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value)
            {
                foreach (var one in option == PassEnv ? value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [value])
                    Set(settings, option, key, one);
            }
        }

        return settings;
    }

    // The last value counts, except where each adds to the list.
    private static void Set(Dictionary<string, string?> settings, string option, string key, string value)
    {
        var number = settings.Count(one => one.Key.StartsWith($"VmHost:{key}:", StringComparison.Ordinal));
        settings[option == PassEnv ? string.Create(CultureInfo.InvariantCulture, $"VmHost:{key}:{number}") : $"VmHost:{key}"] = value;
    }
}
