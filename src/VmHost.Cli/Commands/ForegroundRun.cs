using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>
/// Shows a machine's console until it ends. The first Ctrl-C or SIGTERM asks it to halt, a second one at least a second later kills it;
/// at a terminal all keys, Ctrl-C too, go to the guest, and Ctrl-] leaves it running.
/// </summary>
/// <param name="daemon">That runs it.</param>
/// <param name="machine">As it was started.</param>
internal sealed class ForegroundRun(Connection daemon, Machine machine)
{
    private Task _halt = Task.CompletedTask;
    private Task _kill = Task.CompletedTask;
    private int _signals;

    internal async Task<int> UntilEndAsync(Interrupts interrupts, bool remove)
    {
        interrupts.TakeOver(OnSignal);

        // None of this is called off by a signal: the console is shown to its end, and how it ended is told.
        try
        {
            if (RawTerminal.IsPossible)
            {
                Output.Note($"The console of {machine.Name}; Ctrl-] leaves it, halt in the guest or vmctl halt {machine.Name} ends it.");
                await using var console = await ConsoleSession.AttachAsync(daemon, machine, offset: 0, readOnly: false, force: false, CancellationToken.None);
                if (await new ConsoleSession(machine, console).RunAsync(offset: 0, CancellationToken.None))
                    return Left(remove);
            }
            else
            {
                await ConsoleCopy.RunAsync(daemon, new() { Machine = machine.Id, Offset = 0, Follow = true }, CancellationToken.None);
            }
        }
        catch (OutputClosedException)
        {
            Output.Error($"nobody reads the console output any more; {machine.Name} goes on: end it with: vmctl halt {machine.Name}");
        }

        var ended = await daemon.EndOfAsync(machine.Id, CancellationToken.None);
        await Task.WhenAll(_halt, _kill);
        Output.Note(Describe.End(ended));
        if (remove)
            await daemon.Machines.DeleteMachineAsync(new() { Machine = machine.Id }, cancellationToken: CancellationToken.None);

        return ExitCodes.OfRun(ended.LastExit);
    }

    private int Left(bool remove)
    {
        Output.Note($"Left the console of {machine.Name}, which goes on; come back with: vmctl console {machine.Name}");
        if (remove)
            Output.Note($"It is not deleted at its end now; do it with: vmctl rm {machine.Name}");
        return ExitCodes.Ok;
    }

    // A third one is for a daemon that does neither: it ends vmctl alone.
    private bool OnSignal()
    {
        switch (Interlocked.Increment(ref _signals))
        {
            case 1:
                _halt = HaltAsync();
                return true;
            case 2:
                _kill = KillAsync();
                return true;
            default:
                return false;
        }
    }

    private Task HaltAsync()
    {
        Output.Note($"vmctl: asked {machine.Name} to halt; another signal after {RepeatedSignals.Window.TotalSeconds:0} s kills it");
        return ReportingAsync("halt", async () => await daemon.Machines.HaltMachineAsync(new() { Machine = machine.Id }));
    }

    private Task KillAsync()
    {
        Output.Note($"vmctl: killing {machine.Name}");
        return ReportingAsync("kill", async () => await daemon.Machines.KillMachineAsync(new() { Machine = machine.Id }));
    }

    private async Task ReportingAsync(string what, Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception e)
        {
            Errors.Report(e, $"{what} {machine.Name}");
        }
    }
}
