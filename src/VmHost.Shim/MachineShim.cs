using System.Reflection;
using VmHost.Posix;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>
/// Stands beside one machine for one boot: starts the hypervisor, keeps its console, collects it, writes how it ended.
/// It needs nothing of the daemon, which may be killed and come back meanwhile.
/// </summary>
internal sealed class MachineShim(StartReport report, TimeProvider time)
{
    private const string Here = ".";
    private const int SaveAttempts = 10;
    private const int SaveRetryMilliseconds = 1000;

    /// <summary>Runs until the hypervisor ended. Exit code 0: exit.json says how. 1: it was never started.</summary>
    internal int Run()
    {
        LaunchRecord launch;
        try
        {
            launch = LaunchRecord.Load(Here);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            report.Failed(e.Message);
            return 1;
        }

        var startedAt = time.GetUtcNow();
        try
        {
            return Run(launch, startedAt);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No hypervisor runs: once one does and is on record, nothing throws these.
            NotStarted(launch, startedAt, e.Message);
            return 1;
        }
    }

    private int Run(LaunchRecord launch, DateTimeOffset startedAt)
    {
        Directory.CreateDirectory(RecordFile.Console);
        var wake = new WakePipe();
        var journal = new JournalWriter(RecordFile.Console, launch.Journal, launch.Boot, time);
        var terminal = PseudoTerminal.Open();
        var log = new HypervisorLog();

        File.Delete(launch.ControlSocket);
        var listener = UnixListener.Listen(launch.ControlSocket);

        var begin = time.GetTimestamp();
        var hypervisor = HypervisorProcess.Start(launch, terminal.SlavePath, log.Write);
        Descriptor.Close(log.Write);

        var welcome = new Welcome(
            Frame.LowestVersion, Frame.Version, launch.MachineId, launch.Nonce, launch.Boot, Environment.ProcessId, hypervisor.Pid);
        var server = new ControlServer(listener, terminal, journal, hypervisor, welcome, wake);
        var pump = new ConsolePump(terminal, journal, server.TellEnd, time);
        pump.Start();

        try
        {
            SaveRunRecord(launch, hypervisor.Pid, startedAt, journal.Start);
        }
        catch (IOException)
        {
            // A hypervisor that no record names could not be found again: it must not live.
            Signals.Send(hypervisor.Pid, Signals.Kill);
            ChildProcess.Wait(hypervisor.Pid);
            throw;
        }

        report.Started(hypervisor.Pid);

        hypervisor.Watch(wake);
        ForwardTerminate(hypervisor);
        server.ServeUntilExit();

        var (ranFor, endedAt) = (time.GetElapsedTime(begin), time.GetUtcNow());
        Descriptor.Close(terminal.Slave);
        pump.DrainToEnd();
        log.DrainToEnd();

        var saved = TrySave(Ended(launch, hypervisor.Exit, journal) with
        {
            StartedAt = startedAt,
            EndedAt = endedAt,
            RanFor = ranFor,
        });

        File.Delete(launch.ControlSocket);
        server.SayExited();
        return saved ? 0 : 1;
    }

    private static ExitRecord Ended(LaunchRecord launch, ChildExit exit, JournalWriter journal) =>
        new()
        {
            Boot = launch.Boot,
            Nonce = launch.Nonce,
            Code = exit.Code,
            Signal = exit.Signal,
            UserTime = exit.UserTime,
            SystemTime = exit.SystemTime,
            ConsoleBegin = journal.Start,
            ConsoleEnd = journal.End,
            ConsoleLostBytes = journal.LostBytes,
        };

    // A disk that is full now may have room in a moment. Without the record the daemon will say, truthfully, that it
    // does not know how the machine ended.
    private static bool TrySave(ExitRecord record)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                record.Save(Here);
                return true;
            }
            catch (IOException) when (attempt < SaveAttempts)
            {
                Poll.Wait([], SaveRetryMilliseconds);
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    // SIGTERM means: end the machine. The hypervisor takes it as it does (xhyve and HyperKit press the power button,
    // QEMU ends at once) and all goes on as after any end.
    private static void ForwardTerminate(HypervisorProcess hypervisor)
    {
        var thread = new Thread(
            () =>
            {
                while (!hypervisor.Ended)
                {
                    Signals.WaitFor(Signals.Terminate);
                    if (!hypervisor.Ended)
                        Signals.Send(hypervisor.Pid, Signals.Terminate);
                }
            },
            maxStackSize: 128 << 10)
        {
            Name = "SIGTERM",
            IsBackground = true,
        };
        thread.Start();
    }

    private static void SaveRunRecord(LaunchRecord launch, int hypervisorPid, DateTimeOffset startedAt, long consoleBegin) =>
        new RunRecord
        {
            Boot = launch.Boot,
            Nonce = launch.Nonce,
            HostBootId = launch.HostBootId,
            ShimPid = Environment.ProcessId,
            ShimStartTime = ProcessIdentity.StartTime(Environment.ProcessId) ?? 0,
            ShimPath = Environment.ProcessPath ?? "",
            ShimVersion = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "",
            HypervisorPid = hypervisorPid,
            HypervisorStartTime = ProcessIdentity.StartTime(hypervisorPid) ?? 0,
            StartedAt = startedAt,
            ControlSocket = launch.ControlSocket,
            ConsoleBegin = consoleBegin,
        }.Save(Here);

    private void NotStarted(LaunchRecord launch, DateTimeOffset startedAt, string reason)
    {
        var (_, end) = Directory.Exists(RecordFile.Console) ? JournalReader.Bounds(RecordFile.Console) : (0, 0);
        try
        {
            new ExitRecord
            {
                Boot = launch.Boot,
                Nonce = launch.Nonce,
                StartError = reason,
                StartedAt = startedAt,
                EndedAt = time.GetUtcNow(),
                ConsoleBegin = end,
                ConsoleEnd = end,
            }.Save(Here);
        }
        catch (IOException)
        {
            // The disk refuses this too. The report still says the first reason, and a free lock says the rest.
        }

        report.Failed(reason);
    }
}
