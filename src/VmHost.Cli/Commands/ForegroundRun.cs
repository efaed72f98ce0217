using System.Runtime.InteropServices;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Shows a machine's console until it ends. The first Ctrl-C or SIGTERM asks it to halt, the second kills it.</summary>
internal static class ForegroundRun
{
    internal static async Task<int> UntilEndAsync(Connection daemon, Machine machine, bool remove)
    {
        var signals = 0;
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            _ = EndAsync(daemon, machine, kill: Interlocked.Increment(ref signals) > 1);
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

        // Not cancelled by a signal: the console is shown to its end, and how it ended is told.
        await ConsoleCopy.RunAsync(daemon, new() { Machine = machine.Id, Offset = 0, Follow = true }, raw: false, CancellationToken.None);
        var ended = (await daemon.Machines.WaitMachineAsync(new() { Machine = machine.Id })).Machine;
        Output.Note(Describe.End(ended));
        if (remove)
            await daemon.Machines.DeleteMachineAsync(new() { Machine = machine.Id });

        return ExitCodes.Of(ended.LastExit);
    }

    private static async Task EndAsync(Connection daemon, Machine machine, bool kill)
    {
        try
        {
            Output.Note(kill ? $"{machine.Name}: killing it" : $"{machine.Name}: asked to halt; interrupt again to kill it");
            if (kill)
                await daemon.Machines.KillMachineAsync(new() { Machine = machine.Id });
            else
                await daemon.Machines.HaltMachineAsync(new() { Machine = machine.Id });
        }
        catch (RpcException e)
        {
            Errors.Report(e);
        }
    }
}
