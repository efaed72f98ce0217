using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Machines.Events;
using VmHost.Machines.Life;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Effects;

/// <summary>
/// Runs a machine's effects with the real store, launcher, shim and clock. Effects begin in order, one at a time; what takes
/// longer continues in the background and posts its result. An effect that fails unexpectedly posts the failure as its result.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A machine lives as long as the daemon, and so does its contact.")]
internal sealed partial class MachineEffects : IMachineWorld
{
    // A disk that hangs holds up what comes after a save no longer than that, and a kill no longer than that in all.
    private static readonly TimeSpan DiskPatience = TimeSpan.FromSeconds(2);

    // For a plan, whose files may be on a network file system that does not answer.
    private static readonly TimeSpan PreparationLimit = TimeSpan.FromSeconds(30);

    private readonly string _id;
    private readonly MachineServices _services;
    private readonly MachinePaths _paths;
    private readonly ILogger _logger;
    private readonly Action _deleted;
    private readonly SerialWork _lane;
    private readonly SerialWork _disk;
    private readonly SerialWork _control;
    private readonly RecordWriter _records;
    private readonly BootPreparation _preparation;
    private readonly BootLauncher _launcher;

    // The boot whose status is queued to be read and not being read yet, after the last control; 0 for none.
    private int _statusQueuedOf;

    /// <param name="id">The machine's.</param>
    /// <param name="services">What it uses.</param>
    /// <param name="console">Notified how the journal grows.</param>
    /// <param name="deleted">Called when the files are gone.</param>
    internal MachineEffects(string id, MachineServices services, ConsoleFeed console, Action deleted)
    {
        (_id, _services, _deleted, _logger) = (id, services, deleted, services.Log);
        _paths = services.PathsOf(id);
        _lane = new(services.Background);
        _disk = new(services.Background);
        _control = new(services.Background);
        _preparation = new(services);
        _records = new(services.Store);
        _launcher = new(services, _records);
        Contact = new(id, _paths, console, services);
        Console = console;
    }

    /// <summary>The connection to the shim.</summary>
    internal ShimContact Contact { get; }

    private ConsoleFeed Console { get; }

    /// <inheritdoc/>
    public void Begin(MachineEffect effect, MachineLoop loop)
    {
        if (effect is MachineEffect.Kill or MachineEffect.KillBoth)
        {
            var before = Task.WhenAny(_lane.Last, Task.Delay(DiskPatience, _services.Time, CancellationToken.None));
            _services.Background.Run(effect.GetType().Name, () => AfterAsync(before, effect, loop), e => PostFailure(effect, e, loop));
        }
        else
        {
            _lane.Post(effect.GetType().Name, () => BeginAsync(effect, loop), e => PostFailure(effect, e, loop));
        }
    }

    private async Task AfterAsync(Task before, MachineEffect effect, MachineLoop loop)
    {
        await before;
        await RunAsync(effect, loop);
    }

    private Task BeginAsync(MachineEffect effect, MachineLoop loop)
    {
        switch (effect)
        {
            case MachineEffect.Save save:
                return OnDisk(effect, loop, () => Save(save.Record, loop));
            case MachineEffect.SaveUpdate update:
                return OnDisk(effect, loop, () => SaveUpdate(update, loop));
            case MachineEffect.Publish publish:
                return OnDisk(effect, loop, () => Publish(publish.Event));
            case MachineEffect.RemoveHalfWritten:
                return OnDisk(effect, loop, () => _services.Store.Tidy(_id));
            case MachineEffect.Answer answer:
                loop.Complete(answer.RequestId, answer.Outcome);
                break;
            case MachineEffect.ReleaseClaims:
                _services.Claims.Release(loop.Snapshot.Name);
                break;
            case MachineEffect.ClaimUnasked:
                _services.Claims.ClaimUnasked(loop.Snapshot.Name, loop.Snapshot.Spec!);
                break;
            case MachineEffect.SetConsoleLive set:
                Console.SetLive(set.Live);
                break;
            case MachineEffect.ReadStatus read when Interlocked.Exchange(ref _statusQueuedOf, read.Boot.Number) == read.Boot.Number:
                break;   // one that has not begun answers this one too
            case MachineEffect.Control:
                Volatile.Write(ref _statusQueuedOf, 0);   // a status read before it says nothing about what comes after it
                _control.Post(effect.GetType().Name, () => ControlAsync(effect, loop), e => PostFailure(effect, e, loop));
                break;
            case MachineEffect.ReadStatus:
                _control.Post(effect.GetType().Name, () => ControlAsync(effect, loop), e => PostFailure(effect, e, loop));
                break;
            default:
                _services.Background.Run(effect.GetType().Name, () => RunAsync(effect, loop), e => PostFailure(effect, e, loop));
                break;
        }

        return Task.CompletedTask;
    }

    private Task RunAsync(MachineEffect effect, MachineLoop loop) =>
        effect switch
        {
            MachineEffect.Prepare prepare => PrepareAsync(prepare.Record, loop),
            MachineEffect.Launch launch => LaunchAsync(launch, loop),
            MachineEffect.Examine examine => Contact.ExamineAsync(examine.Boot, examine.AskGuest, loop),
            MachineEffect.WatchForReadiness watch => Contact.WatchForReadinessAsync(watch.Boot, loop),
            MachineEffect.WatchGuest watch => Contact.WatchGuestAsync(watch.Boot, loop),
            MachineEffect.Kill kill => Contact.KillAsync(kill.Boot, loop),
            MachineEffect.KillBoth kill => Contact.KillBothAsync(kill.Boot, loop),
            MachineEffect.ComputeDigests compute => ComputeDigestsAsync(compute.Boot, loop),
            MachineEffect.DeleteFiles => DeleteFilesAsync(loop),
            _ => throw new InvalidOperationException($"no code runs {effect.GetType().Name}"),
        };

    private Task ControlAsync(MachineEffect effect, MachineLoop loop)
    {
        if (effect is MachineEffect.Control control)
            return Contact.ControlAsync(control, loop);

        Volatile.Write(ref _statusQueuedOf, 0);
        return Contact.ReadStatusAsync(((MachineEffect.ReadStatus)effect).Boot, loop);
    }

    private Task<Task> OnDisk(MachineEffect effect, MachineLoop loop, Action work)
    {
        var done = _disk.Enqueue(
            effect.GetType().Name,
            () =>
            {
                work();
                return Task.CompletedTask;
            },
            e => PostFailure(effect, e, loop));
        return Task.WhenAny(done, Task.Delay(DiskPatience, _services.Time, CancellationToken.None));
    }

    private void Save(MachineRecord record, MachineLoop loop)
    {
        try
        {
            _records.Save(record);
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
            _records.SaveDurably(update.Record);
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
            LogState(happened.Machine ?? _id, state, happened.Detail);

        _services.Events.Publish(happened);
    }

    private async Task PrepareAsync(MachineRecord record, MachineLoop loop)
    {
        try
        {
            using var limit = new CancellationTokenSource(PreparationLimit, _services.Time);
            loop.Post(await _preparation.PrepareAsync(record, _paths, limit.Token).WaitAsync(limit.Token));
        }
        catch (OperationCanceledException)
        {
            loop.Post(new MachineEvent.PreparationFailed(new(VmHostError.Unavailable, $"machine {record.Name} could not be prepared within {PreparationLimit.TotalSeconds:0} s: one of its files, or the hypervisor's version, cannot be read; look at the file systems that they are on")));
        }
        catch (VmHostException e)
        {
            loop.Post(new MachineEvent.PreparationFailed(Refusal.From(e)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            loop.Post(new MachineEvent.PreparationFailed(new(VmHostError.ResourceExhausted, $"machine {record.Name} could not be prepared: {e.Message}")));
        }
    }

    private async Task LaunchAsync(MachineEffect.Launch launch, MachineLoop loop)
    {
        var boot = launch.Record.Boot!.Number;
        try
        {
            var (error, notDurable) = await _launcher.LaunchAsync(launch.Record, launch.Plan, _paths);
            loop.Post(new MachineEvent.Launched(boot, error, notDurable));
        }
        catch (VmHostException e)
        {
            loop.Post(new MachineEvent.LaunchFailed(boot, Refusal.From(e)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            loop.Post(new MachineEvent.LaunchFailed(boot, new(VmHostError.ResourceExhausted, $"machine {launch.Record.Name} was not started, as its records cannot be written: {e.Message}")));
        }
    }

    // In parallel to the boot. A file that cannot be read any more has no digest, and nothing else changes.
    private async Task ComputeDigestsAsync(int boot, MachineLoop loop)
    {
        var files = loop.Snapshot.Spec!.Boot;
        var digests = new List<ImageDigest>();
        try
        {
            foreach (var path in new[] { files.KernelPath, files.InitrdPath })
            {
                if (path is not null)
                    digests.Add(new(path, await _services.Digests.Sha256Async(path, CancellationToken.None)));
            }

            loop.Post(new MachineEvent.DigestsComputed(boot, [.. digests]));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or VmHostException)
        {
            LogNoDigest(e, loop.Snapshot.Name);
        }
    }

    private Task DeleteFilesAsync(MachineLoop loop)
    {
        try
        {
            Contact.ThrowIfAlive(loop.Snapshot.Name);
            _records.Delete(_id);
            if (Directory.Exists(_paths.RunDirectory))
                Directory.Delete(_paths.RunDirectory, recursive: true);

            _deleted();
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

    private static void PostFailure(MachineEffect effect, Exception e, MachineLoop loop)
    {
        if (EffectFailures.ResultOf(effect, e) is { } result)
            loop.Post(result);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine} is now {State}. {Detail}")]
    private partial void LogState(string machine, MachineState state, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: its record could not be saved.")]
    private partial void LogNotSaved(Exception e, string machine);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: no digest of its files.")]
    private partial void LogNoDigest(Exception e, string machine);
}
