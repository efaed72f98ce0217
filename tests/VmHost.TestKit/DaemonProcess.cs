using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace VmHost.TestKit;

/// <summary>A real <c>vmhostd</c> with directories of its own; whatever it ran is killed at the end.</summary>
public sealed class DaemonProcess : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly StringBuilder _log = new();
    private readonly string _program;
    private readonly List<string> _options;
    private Process? _process;

    private DaemonProcess(string program, string? shim, string? qemu)
    {
        _program = program;
        _options = ["--state-dir", StateDir, "--run-dir", RunDir];
        if (shim is not null)
            _options.AddRange(["--shim", shim]);
        if (qemu is not null)
            _options.AddRange(["--qemu", qemu]);
    }

    public string Directory => _directory.Path;

    public string StateDir => _directory.Combine("s");

    public string RunDir => _directory.Combine("r");

    public string Socket => Path.Combine(RunDir, "vmhostd.sock");

    public int Pid => _process!.Id;

    /// <summary>All that the daemon logged.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Machines run on the fake hypervisor, with programs as built.</summary>
    public static async Task<DaemonProcess> StartOnFakeAsync()
    {
        var daemon = new DaemonProcess(Repository.Daemon, Repository.Shim, Repository.FakeHypervisor);
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>Machines run on QEMU, with programs as published.</summary>
    public static async Task<DaemonProcess> StartPublishedAsync(string? qemu = null)
    {
        var daemon = new DaemonProcess(Repository.Published("vmhostd"), null, qemu);
        await daemon.StartAsync();
        return daemon;
    }

    public string MachineDirectory(string id) => Path.Combine(StateDir, "machines", id);

    /// <summary>Starts it (again) and returns when it serves.</summary>
    public async Task StartAsync()
    {
        var start = new ProcessStartInfo(_program) { RedirectStandardError = true, UseShellExecute = false };
        foreach (var option in _options)
            start.ArgumentList.Add(option);

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

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        ShimContract.Posix.Signals.Send(_process!.Id, ShimContract.Posix.Signals.Terminate);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        KillLeftovers();
        _process?.Dispose();
        _directory.Dispose();
    }

    // By what the shims wrote: number and start time together, so that nobody else is hit.
    private void KillLeftovers()
    {
        var machines = Path.Combine(StateDir, "machines");
        if (!System.IO.Directory.Exists(machines))
            return;

        foreach (var machine in System.IO.Directory.EnumerateDirectories(machines))
        {
            try
            {
                var run = ShimContract.Records.RunRecord.Load(machine);
                ShimContract.Posix.ProcessIdentity.SignalIfSame(run.HypervisorPid, run.HypervisorStartTime, ShimContract.Posix.Signals.Kill);
                ShimContract.Posix.ProcessIdentity.SignalIfSame(run.ShimPid, run.ShimStartTime, ShimContract.Posix.Signals.Kill);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                // Never ran, or its records were damaged by the test.
            }

            Eventually.TrueAsync(
                () => !ShimContract.Posix.FileLock.IsHeld(Path.Combine(machine, "lock")),
                string.Create(CultureInfo.InvariantCulture, $"the processes of {machine} are gone")).GetAwaiter().GetResult();
        }
    }
}
