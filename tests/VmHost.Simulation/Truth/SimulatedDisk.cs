using VmHost.Hypervisors;
using VmHost.State;

namespace VmHost.Simulation.Truth;

/// <summary>What a disk does with a write.</summary>
internal enum DiskMood
{
    Works,
    Refuses,
    Hangs,
}

/// <summary>exit.json, in short.</summary>
internal sealed record SimulatedExit(int Boot, string Nonce, ExitReason Reason, TimeSpan RanFor, DateTimeOffset EndedAt, string? StartError);

/// <summary>The machine's directory.</summary>
internal sealed class SimulatedDisk
{
    private MachineRecord? _durable;

    internal DiskMood Mood { get; set; }

    /// <summary>machine.json; null where it does not exist.</summary>
    internal MachineRecord? Record { get; private set; }

    /// <summary>machine.json cannot be read any more.</summary>
    internal bool IsDamaged { get; set; }

    /// <summary>The nonce in run.json.</summary>
    internal string? RunNonce { get; set; }

    internal SimulatedExit? Exit { get; set; }

    /// <summary>
    /// Something that was to be on disk is not, or came later than what depends on it: what the next daemon finds may be older
    /// than what this one knew.
    /// </summary>
    internal bool IsBehind
    {
        get;
        set
        {
            field = value;
            WasBehind |= value;
        }
    }

    /// <summary>It was so at some time.</summary>
    internal bool WasBehind { get; private set; }

    /// <summary>Of the newest record that a daemon was to write.</summary>
    internal long NewestSeq { get; set; }

    /// <summary>Replaces the record. An older one never replaces a newer one.</summary>
    internal void Save(MachineRecord record)
    {
        if (Record is null || Record.Seq <= record.Seq)
            Record = record;
        if (record.Seq >= NewestSeq)
            IsBehind = false;
    }

    internal void Flush() => _durable = Record;

    /// <summary>The host lost power: what was not flushed may be lost.</summary>
    internal void LosePower(bool loseLateWrites)
    {
        if (!loseLateWrites || _durable is null || ReferenceEquals(_durable, Record))
            return;

        Record = _durable;
        IsBehind = true;
    }

    internal void Delete()
    {
        Record = null;
        IsDamaged = false;
        RunNonce = null;
        Exit = null;
    }
}
