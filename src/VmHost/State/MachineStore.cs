using System.Text.Json;
using VmHost.ShimContract.Records;

namespace VmHost.State;

/// <summary>A machine as it was found on disk.</summary>
/// <param name="Id">The name of its directory.</param>
/// <param name="Record">Null when it cannot be read.</param>
/// <param name="Problem">Why it cannot.</param>
public sealed record StoredMachine(string Id, MachineRecord? Record, string? Problem);

/// <summary>The machines' records, one JSON file each, so that what befalls one harms no other.</summary>
/// <param name="state">Held.</param>
public sealed class MachineStore(StateDirectory state)
{
    // Deleted first by this name, so that a crash in between leaves no half a machine.
    private const string DeletedPrefix = ".deleted-";

    /// <summary>The directory of a machine.</summary>
    public string DirectoryOf(string id) => Path.Combine(state.Machines, id);

    /// <summary>Everything there is, readable or not. Finishes deletions that a crash interrupted.</summary>
    /// <exception cref="IOException">The state directory cannot be read.</exception>
    public IReadOnlyList<StoredMachine> LoadAll()
    {
        var found = new List<StoredMachine>();
        foreach (var directory in Directory.EnumerateDirectories(state.Machines).Order(StringComparer.Ordinal))
        {
            var id = Path.GetFileName(directory);
            if (id.StartsWith(DeletedPrefix, StringComparison.Ordinal))
                Directory.Delete(directory, recursive: true);
            else if (MachineId.IsValid(id))
                found.Add(Load(id));
        }

        return found;
    }

    /// <summary>Writes the record; once it returned, a kill of any process loses nothing. Makes the directory if need be.</summary>
    /// <exception cref="IOException">The old record still stands.</exception>
    public void Save(MachineRecord record)
    {
        var directory = DirectoryOf(record.Id);
        Directory.CreateDirectory(directory, PrivateDirectory.OwnerOnly);
        AtomicFile.Replace(
            Path.Combine(directory, RecordFile.Machine),
            JsonSerializer.SerializeToUtf8Bytes(record, StateJson.Default.MachineRecord));
    }

    /// <summary>Flushes the saved record to the disk; once it returned, a power failure loses nothing either.</summary>
    /// <exception cref="IOException">It may be lost in one.</exception>
    public void Flush(string id) => AtomicFile.Flush(Path.Combine(DirectoryOf(id), RecordFile.Machine));

    /// <summary>Removes a machine with all that is kept of it. One that is not there is no error.</summary>
    /// <exception cref="IOException">It, or a part of it, is still there.</exception>
    public void Delete(string id)
    {
        var directory = DirectoryOf(id);
        if (!Directory.Exists(directory))
            return;

        var doomed = Path.Combine(state.Machines, DeletedPrefix + id);
        Directory.Move(directory, doomed);
        Directory.Delete(doomed, recursive: true);
    }

    private StoredMachine Load(string id)
    {
        try
        {
            var bytes = File.ReadAllBytes(Path.Combine(DirectoryOf(id), RecordFile.Machine));
            var record = JsonSerializer.Deserialize(bytes, StateJson.Default.MachineRecord);
            return record switch
            {
                null => new(id, null, "machine.json is empty"),
                { Schema: not MachineRecord.CurrentSchema } => new(id, null, $"machine.json has schema {record.Schema}, this version reads {MachineRecord.CurrentSchema}"),
                _ when record.Id != id => new(id, null, "machine.json is another machine's"),
                _ => new(id, record, null),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or NotSupportedException)
        {
            return new(id, null, $"machine.json cannot be read: {e.Message}");
        }
    }
}
