using System.Globalization;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Records;
using VmHost.Supervision;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision;

/// <summary>
/// How a shim starts its hypervisor: by <c>posix_spawn</c> alone, and by the exec step that macOS needs, which runs
/// here on Linux. Both must give the hypervisor the same.
/// </summary>
public sealed class HypervisorStartTests : IDisposable
{
    private const string OnHangup = "trap 'echo hung up >end; exit' HUP; echo ready >begin; while :; do sleep 1000 & wait $!; done";

    private readonly TemporaryDirectory _directory = new();
    private readonly ShimReaper _reaper = new();

    private string Machine => _directory.Combine("m");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_terminal_is_the_controlling_terminal_of_the_hypervisor(bool byExecStep)
    {
        var run = await StartAsync(byExecStep, "/bin/sh", "-c", OnHangup);

        var stat = (await ReadAsync($"/proc/{run.HypervisorPid}/stat")).Split(") ")[1].Split(' ');
        var (session, terminal) = (stat[3], int.Parse(stat[4], CultureInfo.InvariantCulture));
        Assert.Equal(run.HypervisorPid.ToString(CultureInfo.InvariantCulture), session);

        // Major number 136 to 143: a pseudo-terminal (Documentation/admin-guide/devices.txt).
        Assert.InRange((terminal >> 8) & 0xfff, 136, 143);
        var files = Directory.GetFiles($"/proc/{run.HypervisorPid}/fd").Order(StringComparer.Ordinal).ToList();
        var slave = string.Create(CultureInfo.InvariantCulture, $"/dev/pts/{terminal & 0xff}");
        Assert.Equal([slave, slave], files.Take(2).Select(file => File.ResolveLinkTarget(file, returnFinalTarget: false)!.FullName));

        // 3 is the lock; sh keeps no other open.
        Assert.Equal(["0", "1", "2", "3"], files.Select(file => Path.GetFileName(file)));
        Assert.EndsWith("/lock", File.ResolveLinkTarget(files[3], returnFinalTarget: false)!.FullName, StringComparison.Ordinal);
        Signals.Send(run.HypervisorPid, Signals.Kill);
        await EndedAsync(run.ShimPid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_signal_is_ignored_or_blocked(bool byExecStep)
    {
        var run = await StartAsync(byExecStep, "/bin/sleep", "1000");

        var status = await ReadAsync($"/proc/{run.HypervisorPid}/status");

        // Signals 32 and 33 are glibc's own; its posix_spawn lets them be ignored.
        const ulong portable = 0x7fffffff;
        Assert.Equal(0UL, SignalsOf("SigBlk", status) & portable);
        Assert.Equal(0UL, SignalsOf("SigIgn", status) & portable);
        Signals.Send(run.HypervisorPid, Signals.Kill);
        await EndedAsync(run.ShimPid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_hypervisor_of_a_killed_shim_gets_SIGHUP(bool byExecStep)
    {
        var run = await StartAsync(byExecStep, "/bin/sh", "-c", OnHangup);

        Signals.Send(run.ShimPid, Signals.Kill);

        await EndedAsync(run.HypervisorPid);
        Assert.Equal("hung up\n", await File.ReadAllTextAsync(Path.Combine(Machine, "end"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_monitor_is_the_file_that_the_command_line_names(bool byExecStep)
    {
        Assert.Null(Launch(byExecStep, "/bin/sleep", monitor: LaunchRecord.MonitorNumber, "1000"));
        var run = RunRecord.Load(Machine);

        Assert.True(run.Monitor);
        Assert.StartsWith("socket:", new FileInfo($"/proc/{run.HypervisorPid}/fd/{LaunchRecord.MonitorNumber}").LinkTarget, StringComparison.Ordinal);
        Signals.Send(run.HypervisorPid, Signals.Kill);
        await EndedAsync(run.ShimPid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_program_that_cannot_be_executed_is_reported(bool byExecStep)
    {
        Assert.SkipWhen(Repository.IsShimEmulated, "under qemu-user vfork is a fork: posix_spawn cannot report that a program was not executed");

        var program = _directory.Combine("no-such-program");

        Assert.Equal($"start {program}: No such file or directory", Launch(byExecStep, program));
        Assert.Equal($"start {program}: No such file or directory", ExitRecord.Load(Machine).StartError);
    }

    public void Dispose()
    {
        _reaper.Dispose();
        _directory.Dispose();
    }

    private async Task<RunRecord> StartAsync(bool byExecStep, string program, params string[] arguments)
    {
        Assert.Null(Launch(byExecStep, program, monitor: null, arguments));
        if (arguments is ["-c", OnHangup])
            await Eventually.TrueAsync(() => File.Exists(Path.Combine(Machine, "begin")), "the trap is set");
        return RunRecord.Load(Machine);
    }

    private string? Launch(bool byExecStep, string program, int? monitor = null, params string[] arguments)
    {
        Assert.SkipWhen(byExecStep && Repository.IsShimEmulated, "the step executes the shim's own program, an arm64 one, which this host cannot without qemu-user");
        Directory.CreateDirectory(Machine);
        new LaunchRecord
        {
            MachineId = "m",
            Boot = 1,
            Nonce = "n",
            HostBootId = ProcessIdentity.HostBootId,
            Executable = program,
            Arguments = [.. arguments],
            ConsoleOnStandardOutput = true,
            ControlSocket = _directory.Combine("shim.sock"),
            Journal = new JournalLimits(1 << 20, 1 << 18),
            MonitorDescriptor = monitor,
        }.Save(Machine);

        var shim = ExecutableFile.Write(_directory.Combine("shim"), $"#!/bin/sh\nexec {Repository.Shim} {(byExecStep ? "--always-exec-with-terminal" : "")}\n");
        using var machineLock = FileLock.TryTake(Path.Combine(Machine, "lock"));
        return new ShimLauncher(shim, new HypervisorEnvironment("DOTNET_ROOT"), _reaper).Launch(Machine, machineLock!);
    }

    private static ulong SignalsOf(string set, string status) =>
        ulong.Parse(status.Split($"{set}:\t")[1].Split('\n')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static Task<string> ReadAsync(string path) => File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);

    private static Task EndedAsync(int pid) => Eventually.TrueAsync(() => ProcessIdentity.StartTime(pid) is null, $"{pid} ended");
}
