using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using VmHost.Posix;

namespace VmHost.TestKit;

/// <summary>A real <c>vmhostd</c> with directories of its own; whatever it ran is killed at the end.</summary>
public sealed class DaemonProcess : IAsyncDisposable
{
    private const string MarkName = "VMHOST_TEST_RUN";

    private readonly TemporaryDirectory _directory = new();
    private readonly StringBuilder _log = new();
    private readonly List<string> _options;
    private readonly bool _hasOwnDisk;
    private bool _isPrevious;
    private Process? _process;

    private DaemonProcess(string program, IEnumerable<string> options, string? stateDisk = null, string? guestDisk = null)
    {
        Program = program;
        _options = ["--state-dir", StateDir, "--run-dir", RunDir, "--pass-env", MarkName, .. options];
        _hasOwnDisk = stateDisk is not null;
        if ((stateDisk ?? guestDisk) is { } size)
        {
            // Mounted in a namespace of its own, for which nobody needs to be root, and gone with the last process in it.
            _options.InsertRange(0, ["--user", "--map-root-user", "--mount", "sh", "-c", $"mkdir -m 700 \"$0\" && mount -t tmpfs -o mode=700,size={size} none \"$0\" && exec \"$@\"", _hasOwnDisk ? StateDir : GuestDisk, program]);
            Program = "unshare";
        }
    }

    private static string[] Fakes =>
        ["--shim", Repository.Shim, "--qemu", Repository.FakeHypervisor, "--xhyve", Repository.Face("xhyve"), "--hyperkit", Repository.Face("hyperkit"), "--pass-env", "DOTNET_ROOT", .. AnyMemory];

    /// <summary>For fakes, which have no memory: the host that runs them may have little.</summary>
    public static IReadOnlyList<string> AnyMemory { get; } = ["--max-memory-bytes", "1000000000000"];

    /// <summary>In the environment of the daemon and of all that it ran, and of nothing else.</summary>
    public string Mark { get; } = $"{MarkName}={Guid.NewGuid():N}";

    /// <summary>Set in the daemon's environment at its next start.</summary>
    public IDictionary<string, string> Variables { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The program of the next start.</summary>
    public string Program { get; set; }

    public string Directory => _directory.Path;

    public string StateDir => _directory.Combine("s");

    public string RunDir => _directory.Combine("r");

    /// <summary>A disk for images, where the daemon was started with one (<see cref="StartPublishedWithGuestDiskAsync"/>).</summary>
    public string GuestDisk => _directory.Combine("d");

    /// <summary>Where this process sees that disk.</summary>
    public string VisibleGuestDisk => $"/proc/{Pid}/root{GuestDisk}";

    public string Socket => Path.Combine(RunDir, "vmhostd.sock");

    public int Pid => _process!.Id;

    /// <summary>Where this process sees the state directory, also where the daemon has a disk of its own for it.</summary>
    public string VisibleStateDir => _hasOwnDisk ? $"/proc/{Pid}/root{StateDir}" : StateDir;

    /// <summary>All that the daemon logged.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Machines run on fake hypervisors (QEMU, xhyve, HyperKit), with programs as built.</summary>
    /// <param name="options">More of vmhostd's; a later one wins.</param>
    public static async Task<DaemonProcess> StartOnFakeAsync(params string[] options)
    {
        var daemon = new DaemonProcess(Repository.Daemon, [.. Fakes, .. options]);
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>As <see cref="StartOnFakeAsync"/>, but with the daemon of the previous version.</summary>
    /// <param name="shim">Which one it starts beside machines: that version's, or <see cref="Repository.Shim"/>.</param>
    public static async Task<DaemonProcess> StartPreviousOnFakeAsync(string shim)
    {
        var daemon = new DaemonProcess(Repository.Previous("daemon", "vmhostd"), [.. Fakes, "--shim", shim]) { _isPrevious = true };
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>As <see cref="StartOnFakeAsync"/>, with the state directory on a disk of its own of this size (2m).</summary>
    public static async Task<DaemonProcess> StartOnSmallDiskAsync(string size)
    {
        var daemon = new DaemonProcess(Repository.Daemon, [.. Fakes, "--min-free-bytes", "0"], size);
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>As <see cref="StartPublishedAsync"/>, with the state directory on a disk of its own of this size (2m).</summary>
    public static async Task<DaemonProcess> StartPublishedOnSmallDiskAsync(string size, params string[] options)
    {
        var daemon = new DaemonProcess(Repository.Published("vmhostd"), ["--min-free-bytes", "0", .. options], size);
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>As <see cref="StartPublishedAsync"/>, with a disk of this size (6m) for images, at <see cref="GuestDisk"/>.</summary>
    public static async Task<DaemonProcess> StartPublishedWithGuestDiskAsync(string size, params string[] options)
    {
        var daemon = new DaemonProcess(Repository.Published("vmhostd"), options, guestDisk: size);
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>Machines run on QEMU, with programs as published.</summary>
    public static async Task<DaemonProcess> StartPublishedAsync(params string[] options)
    {
        var daemon = new DaemonProcess(Repository.Published("vmhostd"), options);
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>Machines boot for real on QEMU, on "xhyve" and on "hyperkit", with programs as published.</summary>
    public static Task<DaemonProcess> StartWithStandInsAsync() =>
        StartPublishedAsync("--xhyve", Repository.Face("xhyve-on-qemu"), "--hyperkit", Repository.Face("hyperkit-on-qemu"));

    public string MachineDirectory(string id) => Path.Combine(VisibleStateDir, "machines", id);

    /// <summary>Starts it (again) and returns when it serves.</summary>
    public Task StartAsync() => StartAsync(before: []);

    /// <summary>As <see cref="StartAsync()"/>, by way of another program.</summary>
    /// <param name="before">That program and its first arguments; the daemon and its own follow.</param>
    /// <exception cref="InvalidOperationException">It ended before it served.</exception>
    public async Task StartAsync(IReadOnlyList<string> before)
    {
        var start = StartInfo(before);
        var serving = new TaskCompletionSource();
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_log)
                _log.AppendLine(line.Data);

            if (line.Data is null)
                serving.TrySetException(new InvalidOperationException($"vmhostd ended:\n{Log}"));
            else if (line.Data.Contains("Serving on", StringComparison.Ordinal))
                serving.TrySetResult();
        };
        _process.BeginErrorReadLine();
        await serving.Task.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System);
    }

    /// <summary>Starts the daemon with a named pipe as its stdout and stderr, which is full and has no reader.</summary>
    /// <returns>The path of the pipe, once clients can connect.</returns>
    public async Task<string> StartWithFullLogAsync()
    {
        var pipe = LaunchWithFullLog();
        await Eventually.TrueAsync(IsListening, "clients can connect");
        return pipe;
    }

    /// <summary>As <see cref="StartWithFullLogAsync"/>, for a daemon that cannot start; returns its exit code.</summary>
    public async Task<int> FailWithFullLogAsync()
    {
        LaunchWithFullLog();
        await _process!.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System);
        return _process.ExitCode;
    }

    /// <summary>Starts another version's daemon on the same directories, with that version's shim for the boots that begin.</summary>
    /// <param name="isPrevious">The previous version's; else this one's.</param>
    public Task StartVersionAsync(bool isPrevious)
    {
        Program = isPrevious ? Repository.Previous("daemon", "vmhostd") : Repository.Daemon;
        _isPrevious = isPrevious;
        _options.AddRange(["--shim", isPrevious ? Repository.Previous("shim", "vmhost-shim") : Repository.Shim]);
        return StartAsync();
    }

    public bool HasExited => _process is not { HasExited: false };

    private string LaunchWithFullLog()
    {
        // Opened for both by the shell, so that no opening waits; its copy stays open in the daemon, so that no write fails.
        const string fill = "mkfifo \"$0\" && exec 9<>\"$0\" && head -c 65536 /dev/zero >&9 && exec \"$@\" >&9 2>&9";
        var pipe = _directory.Combine("log");
        _process = Process.Start(StartInfo(["sh", "-c", fill, pipe]))!;
        return pipe;
    }

    // It passes its whole environment on, and has no option for it.
    private List<string> OptionsOfPrevious()
    {
        var options = new List<string>(_options);
        for (int at; (at = options.IndexOf("--pass-env")) >= 0;)
            options.RemoveRange(at, 2);

        return options;
    }

    private bool IsListening()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(Socket));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private ProcessStartInfo StartInfo(IReadOnlyList<string> before)
    {
        string[] words = [.. before, Program, .. _isPrevious ? OptionsOfPrevious() : _options];
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardError = true, UseShellExecute = false };
        start.Environment[MarkName] = Mark[(MarkName.Length + 1)..];
        foreach (var (name, value) in Variables)
            start.Environment[name] = value;
        return start;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        Signals.Send(_process!.Id, Signals.Terminate);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            // Also a daemon below another program, which would keep the pipe of the log open.
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        // By their environment, so that a boot is found too that was just beginning and has no record yet.
        await Eventually.TrueAsync(
            () =>
            {
                var left = MarkedProcesses.Find(Mark);
                foreach (var pid in left)
                    Signals.Send(pid, Signals.Kill);
                return left.Count == 0;
            },
            "all that the daemon ran is gone");

        _process?.Dispose();
        _directory.Dispose();
    }
}
