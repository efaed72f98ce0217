using System.Globalization;
using Grpc.Core;

namespace VmHost.Chaos.Faults;

/// <summary>A call that is under way while a fault happens. Rule I4: if it was acknowledged, it is so afterwards.</summary>
internal sealed class Operation(Host host, Victim victim, Random random, string prefix)
{
    private static int _extras;

    private readonly int _kind = random.Next(3);
    private readonly string _extra = string.Create(CultureInfo.InvariantCulture, $"{prefix}x{Interlocked.Increment(ref _extras)}");
    private StatusCode? _code;
    private string? _extraId;

    /// <summary>The machine that it is about, if it is one that was there.</summary>
    internal Victim? Victim => _kind == 2 ? null : victim;

    public override string ToString() => _kind switch
    {
        0 => $"a halt of {victim.Name}",
        1 => $"a halt and start of {victim.Name}",
        _ => $"the creation of {_extra}",
    };

    internal async Task RunAsync()
    {
        try
        {
            switch (_kind)
            {
                case 0:
                    await host.Machines.HaltMachineAsync(new() { Machine = victim.Id });
                    break;
                case 1:
                    await host.Machines.HaltMachineAsync(new() { Machine = victim.Id });
                    await host.Machines.StartMachineAsync(new() { Machine = victim.Id });
                    break;
                default:
                    _extraId = (await host.Machines.RunMachineAsync(new() { Name = _extra, Spec = host.Spec("clock;hang") })).Machine.Id;
                    break;
            }

            _code = StatusCode.OK;
        }
        catch (RpcException e)
        {
            _code = e.StatusCode;   // the fault hit it: it may have been done or not
        }
    }

    internal async Task CheckAsync(Tally tally)
    {
        if (_kind == 2)
        {
            if (_code == StatusCode.OK && await host.FindAsync(_extraId!) is null)
                tally.Violation("I4", $"{_extra} was acknowledged and is not there");
            foreach (var machine in (await host.ListAsync()).Where(machine => machine.Name == _extra))
                await DeleteAsync(tally, machine.Id);
        }
        else if (await host.FindAsync(victim.Id) is not { } machine)
        {
            tally.Violation("I4", $"{victim.Name} is not there any more after {this}");
        }
        else if (_code == StatusCode.OK && _kind == 0 && machine.HasHypervisorPid)
        {
            tally.Violation("I4", $"{victim.Name} runs, and its halt was acknowledged");
        }
    }

    private async Task DeleteAsync(Tally tally, string id)
    {
        await host.Machines.DeleteMachineAsync(new() { Machine = id, Force = true });
        if (await host.FindAsync(id) is not null || Directory.Exists(host.Daemon.MachineDirectory(id)))
            tally.Violation("I4", $"{_extra} was deleted and is there");
    }
}
