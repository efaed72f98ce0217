using Microsoft.Extensions.Options;
using VmHost.Machines;
using VmHost.Machines.Events;

namespace VmHost.Daemon.Hosting;

/// <summary>Loads the machines before the first request, and says when the daemon serves and stops.</summary>
internal sealed partial class MachineLoader(
    MachineRegistry machines, BackgroundTasks background, EventLog events, IOptions<DaemonOptions> options, ILogger<MachineLoader> logger) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        events.Publish(new() { Kind = HostEventKind.DaemonStarted });
        machines.Load();
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var count = machines.List().Length;
        var socket = options.Value.SocketPath;
        LogServing(socket, count);

        // Not before the server listens, whose start it would delay; and in the background, as a silent shim must delay no client.
        background.Run("the first examination of all machines", machines.ExamineAsync);
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        events.Publish(new() { Kind = HostEventKind.DaemonStopping });
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        var count = machines.List().Count(machine => !machine.State.IsAtRest());
        LogStopped(count);
        return Task.CompletedTask;   // what is still being looked at or started is the next daemon's affair
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving on {Socket}; {Machines} machines on record.")]
    private partial void LogServing(string socket, int machines);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stopped; {Machines} machines go on.")]
    private partial void LogStopped(int machines);
}
