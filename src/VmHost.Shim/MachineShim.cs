using System.Diagnostics.CodeAnalysis;
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
    private const int LockNumber = 3;
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
        Boot boot;
        try
        {
            boot = Start(launch, startedAt);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            // Only here: once a hypervisor is on record, its end is written by Supervise, and by nothing else.
            NotStarted(launch, startedAt, e.Message);
            return 1;
        }

        return Supervise(launch, boot, startedAt) ? 0 : 1;
    }

    // When it throws, no hypervisor runs.
    [SuppressMessage("Reliability", "CA2000", Justification = "The pump finishes the journal; this process ends with it.")]
    private Boot Start(LaunchRecord launch, DateTimeOffset startedAt)
    {
        Directory.CreateDirectory(RecordFile.Console);
        var wake = new WakePipe();
        var journal = new JournalWriter(RecordFile.Console, launch.Journal, launch.Boot, time);
        var terminal = PseudoTerminal.Open();
        var log = new HypervisorLog();
        var socket = ControlSocket.ListenAt(launch.ControlSocket);
        var (monitor, hypervisorEnd) = MonitorPair(launch);

        var begin = time.GetTimestamp();
        var hypervisor = HypervisorProcess.Start(launch, terminal.SlavePath, log.Write, hypervisorEnd);
        Descriptor.Close(log.Write);
        if (hypervisorEnd >= 0)
            Descriptor.Close(hypervisorEnd);

        var welcome = new Welcome(
            Frame.LowestVersion, Frame.Version, launch.MachineId, launch.Nonce, launch.Boot, Environment.ProcessId, hypervisor.Pid);
        var requests = new ControlRequests(terminal, journal, hypervisor, monitor, welcome);
        var server = new ControlServer(socket, requests, terminal, journal, hypervisor, monitor, wake);
        var pump = new ConsolePump(terminal, journal, server.TellEnd, time);
        pump.Start();

        try
        {
            SaveRunRecord(launch, hypervisor.Pid, startedAt, journal.Start);
        }
        catch (IOException)
        {
            // A hypervisor that no record names could not be found again: it must not live.
            hypervisor.Kill();
            throw;
        }

        report.Started(hypervisor.Pid);
        hypervisor.Watch(wake);
        ShimSignals.Take(hypervisor, server);
        return new Boot(hypervisor, server, socket, terminal, pump, journal, log, begin);
    }

    // Until the hypervisor ended; false if the disk took no record of how.
    private bool Supervise(LaunchRecord launch, Boot boot, DateTimeOffset startedAt)
    {
        boot.Server.ServeUntilExit();

        var (ranFor, endedAt) = (time.GetElapsedTime(boot.Begin), time.GetUtcNow());
        Descriptor.Close(boot.Terminal.Slave);
        boot.Pump.DrainToEnd();
        boot.Log.DrainToEnd();

        var saved = TrySave(Ended(launch, boot.Hypervisor.Exit, boot.Journal) with
        {
            StartedAt = startedAt,
            EndedAt = endedAt,
            RanFor = ranFor,
        });

        boot.Socket.Remove();
        boot.Server.NotifyExited();
        return saved;
    }

    private static (MonitorRelay? Monitor, int HypervisorEnd) MonitorPair(LaunchRecord launch)
    {
        if (launch.MonitorDescriptor is not { } number)
            return (null, -1);

        if (number != LaunchRecord.MonitorNumber)
            throw new InvalidDataException($"launch.json: monitor_descriptor {number}: this shim gives a hypervisor its monitor as {LaunchRecord.MonitorNumber}");

        var (own, hypervisors) = SocketPair.Create();
        Descriptor.SetNonBlocking(own);
        return (new MonitorRelay(own), hypervisors);
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
            SocketRecovery = ShimSignals.TakesUser1,
            Monitor = launch.MonitorDescriptor is not null,
            InputAt = true,
            LockFile = FileIdentity.Of(LockNumber),
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

    /// <summary>What a started boot has.</summary>
    private sealed record Boot(
        HypervisorProcess Hypervisor,
        ControlServer Server,
        ControlSocket Socket,
        PseudoTerminal Terminal,
        ConsolePump Pump,
        JournalWriter Journal,
        HypervisorLog Log,
        long Begin);
}
