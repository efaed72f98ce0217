using System.Text.Json;
using VmHost.Posix;
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

    private static readonly string[] DaemonsRecords = [RecordFile.Machine, RecordFile.Launch];

    // A shim that lives may be replacing its own just now.
    private static readonly string[] AllRecords = [.. DaemonsRecords, RecordFile.Run, RecordFile.Exit];

    /// <summary>The directory of a machine.</summary>
    public string DirectoryOf(string id) => Path.Combine(state.Machines, id);

    /// <summary>
    /// Everything there is, readable or not. What a crash left half done is finished or undone: a deletion, a creation, a
    /// record that was being replaced.
    /// </summary>
    /// <exception cref="IOException">The state directory cannot be read.</exception>
    public IReadOnlyList<StoredMachine> LoadAll() =>
        [.. Directory.GetDirectories(state.Machines).AsParallel().Select(Find).OfType<StoredMachine>().OrderBy(static found => found.Id, StringComparer.Ordinal)];

    /// <summary>Writes the record; once it returned, a kill of any process loses nothing. Makes the directory if need be.</summary>
    /// <exception cref="IOException">The old record still stands; also where the state directory was moved or removed.</exception>
    public void Save(MachineRecord record)
    {
        MakeDirectory(record.Id);
        AtomicFile.Replace(FileOf(record.Id), ToJson(record));
    }

    /// <summary>As <see cref="Save"/>; once it returned, a power failure loses nothing either.</summary>
    /// <exception cref="IOException">The old record stands, but where the disk fails in its very last step.</exception>
    public void SaveDurably(MachineRecord record)
    {
        if (MakeDirectory(record.Id))
            Descriptor.FlushDirectory(state.Machines);
        AtomicFile.ReplaceDurably(FileOf(record.Id), ToJson(record));
    }

    // Returns false if it exists.
    private bool MakeDirectory(string id)
    {
        // Or the next line would make a second state directory, which has no lock.
        if (!state.IsInPlace)
            throw new DirectoryNotFoundException($"{state.Path} is not the directory that this daemon locked: it was moved, removed or replaced");

        if (Directory.Exists(DirectoryOf(id)))
            return false;

        Directory.CreateDirectory(DirectoryOf(id), PrivateDirectory.OwnerOnly);
        return true;
    }

    /// <summary>Flushes the saved record to the disk; once it returned, a power failure loses nothing either.</summary>
    /// <exception cref="IOException">It may be lost in one.</exception>
    public void Flush(string id) => AtomicFile.Flush(FileOf(id));

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

    /// <summary>Removes records that a killed shim or daemon was about to write. Nothing of the machine runs.</summary>
    public void Tidy(string id) => RemoveHalfWritten(DirectoryOf(id), AllRecords);

    private string FileOf(string id) => Path.Combine(DirectoryOf(id), RecordFile.Machine);

    private static byte[] ToJson(MachineRecord record) => JsonSerializer.SerializeToUtf8Bytes(record, StateJson.Default.MachineRecord);

    private StoredMachine? Find(string directory)
    {
        var id = Path.GetFileName(directory);
        if (id.StartsWith(DeletedPrefix, StringComparison.Ordinal))
            TryTidy(() => Directory.Delete(directory, recursive: true));

        if (!MachineId.IsValid(id))
            return null;

        try
        {
            var runs = FileLock.IsHeld(Path.Combine(directory, RecordFile.Lock));
            if (!runs && WasNeverCreated(directory))
            {
                TryTidy(() => Delete(id));
                return null;
            }

            RemoveHalfWritten(directory, runs ? DaemonsRecords : AllRecords);
            return new(id, Load(id), null);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new(id, null, e.Message);
        }
    }

    // Its record was about to be written for the first time: nobody was told of it, and nothing of it ran.
    private static bool WasNeverCreated(string directory) =>
        IsMissing(directory, RecordFile.Machine) && IsMissing(directory, RecordFile.Run) && IsMissing(directory, RecordFile.Console);

    // What cannot be looked at is not missing.
    private static bool IsMissing(string directory, string name) =>
        !FileStatus.TryGet(Path.Combine(directory, name), out var status) && status.Failure == FileFailure.NotFound;

    private static void RemoveHalfWritten(string directory, string[] records)
    {
        foreach (var record in records)
            TryTidy(() => AtomicFile.RemoveHalfWritten(Path.Combine(directory, record)));
    }

    // A disk that refuses this keeps no daemon from starting; the next start tries again.
    private static void TryTidy(Action tidy)
    {
        try
        {
            tidy();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Still there, and in nobody's way.
        }
    }

    private MachineRecord Load(string id)
    {
        try
        {
            var bytes = RecordFile.ReadAll(FileOf(id));
            return JsonSerializer.Deserialize(bytes, StateJson.Default.MachineRecord) switch
            {
                null => throw new InvalidDataException("machine.json is empty"),
                { Schema: not MachineRecord.CurrentSchema and var schema } => throw new InvalidDataException($"machine.json has schema {schema}, this version reads {MachineRecord.CurrentSchema}"),
                var record when record.Id != id => throw new InvalidDataException("machine.json is another machine's"),
                var record => record,
            };
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new InvalidDataException($"machine.json cannot be read: {e.Message}", e);
        }
    }
}
