using Microsoft.Extensions.Logging;
using VmHost.Hypervisors;
using VmHost.Machines.Events;
using VmHost.Machines.Life;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Effects;

/// <summary>A machine's effects on its directory and on the event file, one at a time, in the order in which they were begun.</summary>
/// <param name="id">The machine's.</param>
/// <param name="services">What it uses.</param>
/// <param name="records">Writes its record.</param>
/// <param name="deleted">Called when the files are gone.</param>
internal sealed partial class DiskEffects(string id, MachineServices services, RecordWriter records, Action deleted)
{
    /// <summary>A disk that hangs holds up what comes after a save no longer than that, and a kill no longer than that in all.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly MachinePaths _paths = services.PathsOf(id);
    private readonly ILogger _logger = services.Log;
    private readonly SerialWork _work = new(services.Background);

    /// <summary>Begins an effect.</summary>
    /// <param name="effect">One that saves, publishes or removes what was half written.</param>
    /// <param name="loop">The machine's.</param>
    /// <param name="failed">Called with what the effect threw; must not throw.</param>
    /// <returns>Completes when it is done, or the disk is not waited for any more.</returns>
    internal Task BeginAsync(MachineEffect effect, MachineLoop loop, Action<Exception> failed)
    {
        var done = _work.Enqueue(
            effect.GetType().Name,
            () =>
            {
                Carry(effect, loop);
                return Task.CompletedTask;
            },
            failed);
        return Task.WhenAny(done, Task.Delay(Patience, services.Time, CancellationToken.None));
    }

    /// <summary>Deletes the machine's files, unless a process of it lives, and posts the result.</summary>
    internal Task DeleteFilesAsync(ShimContact contact, MachineLoop loop)
    {
        try
        {
            contact.ThrowIfAlive(loop.Snapshot.Name);
            records.Delete(id);
            if (Directory.Exists(_paths.RunDirectory))
                Directory.Delete(_paths.RunDirectory, recursive: true);

            deleted();
            loop.Post(new MachineEvent.FilesDeleted());
        }
        catch (VmHostException e)
        {
            loop.Post(new MachineEvent.DeletionFailed(Refusal.From(e)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            loop.Post(new MachineEvent.DeletionFailed(new(VmHostError.Internal, $"machine {loop.Snapshot.Name} could not be deleted: {e.Message}")));
        }

        return Task.CompletedTask;
    }

    private void Carry(MachineEffect effect, MachineLoop loop)
    {
        switch (effect)
        {
            case MachineEffect.Save save:
                Save(save.Record, loop);
                break;
            case MachineEffect.SaveUpdate update:
                SaveUpdate(update, loop);
                break;
            case MachineEffect.Publish publish:
                Publish(publish.Event);
                break;
            case MachineEffect.RemoveHalfWritten:
                services.Store.Tidy(id);
                break;
            default:
                throw new InvalidOperationException($"{effect.GetType().Name} is no effect on a disk");
        }
    }

    private void Save(MachineRecord record, MachineLoop loop)
    {
        try
        {
            records.Save(record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What is known stays known here; the next daemon finds an end out again from exit.json.
            LogNotSaved(e, loop.Snapshot.Name);
        }
    }

    private void SaveUpdate(MachineEffect.SaveUpdate update, MachineLoop loop)
    {
        try
        {
            records.SaveDurably(update.Record);
            loop.Post(new MachineEvent.UpdateSaved(update.RequestId, update.Record));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            loop.Post(new MachineEvent.UpdateFailed(update.RequestId, e.Message));
        }
    }

    private void Publish(HostEvent happened)
    {
        if (happened is { Kind: HostEventKind.MachineState, State: { } state })
            LogState(happened.Machine ?? id, state, happened.Detail);

        services.Events.Publish(happened);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine} is now {State}. {Detail}")]
    private partial void LogState(string machine, MachineState state, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: its record could not be saved.")]
    private partial void LogNotSaved(Exception e, string machine);
}
