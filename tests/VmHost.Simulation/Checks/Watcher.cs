using Microsoft.Extensions.Logging;
using VmHost.Machines.Events;
using VmHost.Machines.Life;
using VmHost.Simulation.Daemon;
using VmHost.Simulation.Truth;
using VmHost.State;

namespace VmHost.Simulation.Checks;

/// <summary>Sees all that a history does, keeps its trace, and knows what was reported. It survives every daemon.</summary>
internal sealed class Watcher(SimulatedHost host, Dice dice, List<string>? trace) : ILogger
{
    private readonly HashSet<string> _reportedEnds = new(StringComparer.Ordinal);

    internal Expectations Expectations { get; } = new(host);

    /// <summary>Of the daemon that lives, or lived last.</summary>
    internal Clients? Clients { get; private set; }

    /// <summary>The scheduler made the loop or an effect fail in a way that no code expects.</summary>
    internal bool DefectInjected { get; set; }

    /// <summary>Nothing is wrong with the host: a request that can be carried out is.</summary>
    internal bool IsHealthy { get; set; }

    internal bool Chance(double share) => dice.Chance(share);

    internal void Note(string line) => trace?.Add(line);

    internal bool IsTracing => trace is not null;

    internal Clients BeginDaemon() => Clients = new(host, this);

    internal void Begun(MachineEffect effect)
    {
        if (trace is not null)
            Note($"    asks for {effect}");
        switch (effect)
        {
            case MachineEffect.Answer answer:
                Clients!.AnswerBegun(answer);
                break;
            case MachineEffect.Save save:
                host.Disk.NewestSeq = save.Record.Seq;
                break;
            default:
                break;
        }
    }

    internal void EffectThrew(MachineEffect effect)
    {
        Note($"  {effect.GetType().Name} throws");
        DefectInjected = true;
        Expectations.StartFailed();
        if (effect is MachineEffect.Save or MachineEffect.SaveUpdate)
            host.Disk.IsBehind = true;
    }

    internal void Answered(MachineEffect.Answer answer) => Note($"  answers {answer.RequestId}");

    internal void Saved(MachineRecord record) => Expectations.Saved(record);

    internal void DaemonDied()
    {
        // Who asked for a start that failed may not have been told.
        if (Clients is { } clients && clients.HasUnanswered<MachineEvent.StartRequested>())
            Expectations.NothingIsCertain();

        Expectations.DaemonDied();
        if (host.Disk.IsBehind)
            _reportedEnds.Clear();
    }

    internal void StartFailed() => Expectations.StartFailed();

    /// <summary>An end is reported once, unless the disk kept the daemon from writing it down before it died.</summary>
    internal void Published(HostEvent happened)
    {
        if (happened is not { Kind: HostEventKind.MachineState, Exit: { } exit })
            return;

        var nonce = host.Boots.FindLast(boot => boot.Number == happened.Boot)?.Record.Nonce ?? $"boot {happened.Boot}";
        if (!_reportedEnds.Add(nonce))
            throw new ViolationException($"the end of boot {happened.Boot} ({exit.Reason}) is reported twice");
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (exception is ViolationException)
            throw new ViolationException(exception.Message);
        if (exception is not null and not InjectedException)
            throw new ViolationException($"{formatter(state, exception)} {exception.Message}");
    }
}
