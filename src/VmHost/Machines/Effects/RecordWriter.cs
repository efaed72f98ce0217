using VmHost.State;

namespace VmHost.Machines.Effects;

/// <summary>
/// The one writer of a machine's record: one at a time, and a record never replaces a newer one, however late a slow disk lets it
/// get there. Safe for use by several callers at once.
/// </summary>
/// <param name="store">Holds the records.</param>
internal sealed class RecordWriter(MachineStore store)
{
    // Guards the two that follow, and is held while the disk writes.
    private readonly Lock _lock = new();
    private long _lastSeq = -1;
    private bool _isClosed;

    /// <summary>As <see cref="MachineStore.Save"/>.</summary>
    internal void Save(MachineRecord record) => Write(record, store.Save);

    /// <summary>As <see cref="MachineStore.SaveDurably"/>.</summary>
    internal void SaveDurably(MachineRecord record) => Write(record, store.SaveDurably);

    /// <summary>Deletes the machine's files; once that succeeded nothing is written any more.</summary>
    /// <exception cref="IOException">They, or a part of them, still exist.</exception>
    internal void Delete(string id)
    {
        lock (_lock)
        {
            store.Delete(id);
            _isClosed = true;
        }
    }

    private void Write(MachineRecord record, Action<MachineRecord> write)
    {
        lock (_lock)
        {
            if (_isClosed || record.Seq < _lastSeq)
                return;

            write(record);
            _lastSeq = record.Seq;
        }
    }
}
