using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmHost.Consoles;
using VmHost.Hypervisors;
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
    // For a plan, whose files may be on a network file system that does not answer.
    private static readonly TimeSpan PreparationLimit = TimeSpan.FromSeconds(30);

    private readonly MachineServices _services;
    private readonly MachinePaths _paths;
    private readonly ILogger _logger;
    private readonly SerialWork _lane;
    private readonly SerialWork _control;
    private readonly DiskEffects _disk;
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
        (_services, _logger) = (services, services.Log);
        _paths = services.PathsOf(id);
        _lane = new(services.Background);
        _control = new(services.Background);
        _preparation = new(services);
        var records = new RecordWriter(services.Store);
        _disk = new(id, services, records, deleted);
        _launcher = new(services, records);
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
            var before = Task.WhenAny(_lane.Last, Task.Delay(DiskEffects.Patience, _services.Time, CancellationToken.None));
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
            case MachineEffect.Save or MachineEffect.SaveUpdate or MachineEffect.Publish or MachineEffect.RemoveHalfWritten:
                return _disk.BeginAsync(effect, loop, e => PostFailure(effect, e, loop));
            case MachineEffect.Answer answer:
                loop.Complete(answer.RequestId, answer.Outcome);
                break;
            case MachineEffect.ReleaseClaims:
                _services.Claims.Release(loop.Snapshot.Id);
                break;
            case MachineEffect.ClaimUnasked:
                _services.Claims.ClaimUnasked(loop.Snapshot.Id, loop.Snapshot.Name, loop.Snapshot.Spec!);
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
            MachineEffect.DeleteFiles => _disk.DeleteFilesAsync(Contact, loop),
            _ => throw new InvalidOperationException($"no code runs {effect.GetType().Name}"),
        };

    private Task ControlAsync(MachineEffect effect, MachineLoop loop)
    {
        if (effect is MachineEffect.Control control)
            return Contact.ControlAsync(control, loop);

        Volatile.Write(ref _statusQueuedOf, 0);
        return Contact.ReadStatusAsync(((MachineEffect.ReadStatus)effect).Boot, loop);
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

    private static void PostFailure(MachineEffect effect, Exception e, MachineLoop loop)
    {
        if (EffectFailures.ResultOf(effect, e) is { } result)
            loop.Post(result);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: no digest of its files.")]
    private partial void LogNoDigest(Exception e, string machine);
}
