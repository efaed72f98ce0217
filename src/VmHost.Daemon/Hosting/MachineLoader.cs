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
        // Listed at once; what each does is found out in the background, so a silent one delays nobody.
        events.Publish(new() { Kind = HostEventKind.DaemonStarted });
        var examined = machines.LoadAsync();
        background.Run("the first look at all machines", () => examined);
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var count = machines.List().Length;
        var socket = options.Value.SocketPath;
        LogServing(socket, count);
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
