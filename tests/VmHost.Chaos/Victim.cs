using VmHost.Protocol.V1;

namespace VmHost.Chaos;

/// <summary>A machine that faults are done to, with what was done to its boots.</summary>
internal sealed class Victim(Machine machine)
{
    /// <summary>What a killed hypervisor may have told the oracle and not the terminal: one write.</summary>
    internal const int OneWrite = 4096;

    /// <summary>What dies in the terminal with a killed shim: a pty's queue, and what the shim had read.</summary>
    internal const int Terminal = 64 << 10;

    private readonly Dictionary<int, int> _allowedLoss = [];

    internal string Id { get; } = machine.Id;

    internal string Name { get; } = machine.Name;

    internal int Faults { get; private set; }

    internal void Killed(int boot, int allowedLoss)
    {
        Faults++;
        _allowedLoss[boot] = Math.Max(allowedLoss, _allowedLoss.GetValueOrDefault(boot));
    }

    /// <summary>How many bytes at the end of a boot's output may be missing from the journal.</summary>
    internal int AllowedLoss(int boot) => _allowedLoss.GetValueOrDefault(boot);
}
