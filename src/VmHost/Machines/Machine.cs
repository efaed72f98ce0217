using System.Collections.Immutable;
using System.Globalization;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Machines.Effects;
using VmHost.Machines.Events;
using VmHost.Machines.Life;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The result of a start.</summary>
/// <param name="Changed">False when the machine ran already.</param>
/// <param name="Warnings">What is allowed and probably not meant.</param>
public sealed record StartResult(bool Changed, ImmutableArray<string> Warnings);

/// <summary>
/// One machine, for its callers: each request is posted to the machine's loop and answered by it; what it does is read from the
/// last snapshot. The rules are in <see cref="MachineLife"/>. A request that was posted is carried out, also when its caller
/// stops waiting.
/// </summary>
public sealed class Machine
{
    // A machine that this daemon has just found is known by then.
    private static readonly TimeSpan AdoptionLimit = TimeSpan.FromSeconds(5);

    private readonly MachineServices _services;
    private readonly MachineEffects _effects;
    private readonly MachineLoop _loop;

    /// <summary>A machine that was found on disk and is not examined yet.</summary>
    /// <param name="stored">What was found.</param>
    /// <param name="services">What it uses.</param>
    /// <param name="deleted">Called when its files are gone.</param>
    internal Machine(StoredMachine stored, MachineServices services, Action<Machine> deleted)
        : this(new MachineLife(stored.Id, stored.Record, stored.Problem is { } problem ? new MachinePhase.Unreadable(problem) : new MachinePhase.Adopting([]), []), services, deleted)
    {
    }

    /// <summary>A new machine. Nothing is on disk before its first start.</summary>
    internal Machine(MachineRecord record, MachineServices services, Action<Machine> deleted)
        : this(new MachineLife(record.Id, record, new MachinePhase.Created(), []), services, deleted)
    {
    }

    private Machine(MachineLife life, MachineServices services, Action<Machine> deleted)
    {
        _services = services;
        var feed = new ConsoleFeed(services.PathsOf(life.Id).Console);
        feed.SetLive(life.Phase is MachinePhase.Adopting);   // those who follow the console wait until it is known whether it runs
        _effects = new(life.Id, services, feed, () => OnDeleted(feed, deleted));
        _loop = new(life, _effects, services.Time, Random.Shared.NextDouble, services.Log);
        Console = new(feed, _effects.Contact, services.PathsOf(life.Id), services.Time, () => Snapshot);
        RequestId = life.Record?.RequestId;
        services.Background.Run("machine", () => _loop.RunAsync(CancellationToken.None));
    }

    /// <summary>The machine as it is now.</summary>
    public MachineSnapshot Snapshot => _loop.Snapshot;

    /// <summary>Its console.</summary>
    public MachineConsole Console { get; }

    /// <summary>Of the request that created it; null for none.</summary>
    internal string? RequestId { get; }

    /// <summary>Whether the host booted since the machine last ran, and the machine is to run with it.</summary>
    internal bool WantsStartWithHost
    {
        get
        {
            var life = _loop.Life;
            return life is { Phase: MachinePhase.Ended, Record: { Boot: { } boot } record }
                && boot.HostBootId != Posix.ProcessIdentity.HostBootId && RestartRules.StartsWithHost(record);
        }
    }

    /// <summary>Starts the machine. Returns when the hypervisor has set the machine up; the guest then boots.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it cannot run now, or is being stopped, or its state is unknown;
    /// <see cref="VmHostError.HypervisorFailed"/>: the hypervisor ended at once, and the message holds its messages;
    /// <see cref="VmHostError.Aborted"/>: it was halted before it was started.
    /// </exception>
    public async Task<StartResult> StartAsync(CancellationToken ct)
    {
        var done = await AskAsync(id => new MachineEvent.StartRequested(id), ct);
        return new(done.Changed, done.Warnings);
    }

    /// <summary>Asks the guest to power off and returns once the process is gone.</summary>
    /// <returns>Null when it did not run.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.DeadlineExceeded"/>: it still runs and was not to be killed;
    /// <see cref="VmHostError.FailedPrecondition"/>: its state is unknown.
    /// </exception>
    public async Task<StopResult?> HaltAsync(HaltOptions options, CancellationToken ct)
    {
        var done = await AskAsync(id => new MachineEvent.HaltRequested(id, options), ct);
        return done switch
        {
            { Changed: false } => null,
            { Killed: true } => StopResult.Killed,
            _ => StopResult.Ended,
        };
    }

    /// <summary>Kills the hypervisor and returns once it is gone.</summary>
    /// <returns>False when it did not run.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: its state is unknown and no process could be proved to be its own;
    /// <see cref="VmHostError.Internal"/>: the process does not go.
    /// </exception>
    public async Task<bool> KillAsync(CancellationToken ct) => (await AskAsync(id => new MachineEvent.KillRequested(id), ct)).Changed;

    /// <summary>
    /// Halts the guest as <see cref="HaltAsync"/> does, then starts the machine again; one that does not run is started. Completed by the
    /// next daemon if this one is killed in between.
    /// </summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.DeadlineExceeded"/>: it still runs and was not to be killed, and was not started again;
    /// <see cref="VmHostError.Aborted"/>: another request stopped it; and as <see cref="StartAsync"/>.
    /// </exception>
    public async Task<StartResult> RestartAsync(HaltOptions options, CancellationToken ct)
    {
        var done = await AskAsync(id => new MachineEvent.RestartRequested(id, options), ct);
        return new(done.Changed, done.Warnings);
    }

    /// <summary>Kills the hypervisor without asking the guest, then starts the machine again.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it does not run; and as <see cref="RestartAsync"/>.
    /// </exception>
    public async Task<StartResult> ResetAsync(CancellationToken ct)
    {
        var done = await AskAsync(id => new MachineEvent.ResetRequested(id), ct);
        return new(done.Changed, done.Warnings);
    }

    /// <summary>Stops the guest's processors.</summary>
    /// <returns>False when they stand still already.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it does not run, or its hypervisor has no pause;
    /// <see cref="VmHostError.HypervisorFailed"/>: the hypervisor did not do it.
    /// </exception>
    public async Task<bool> PauseAsync(CancellationToken ct) => (await AskAsync(id => new MachineEvent.PauseRequested(id), ct)).Changed;

    /// <summary>Lets a paused guest run, also one that its hypervisor paused at an I/O error.</summary>
    /// <returns>False when it was not paused.</returns>
    /// <exception cref="VmHostException">
    /// As <see cref="PauseAsync"/>; <see cref="VmHostError.FailedPrecondition"/> also where it stopped again at once.
    /// </exception>
    public async Task<bool> ResumeAsync(CancellationToken ct) => (await AskAsync(id => new MachineEvent.ResumeRequested(id), ct)).Changed;

    /// <summary>
    /// Changes what may change while the machine exists, whatever it does. A wait by the old restart policy continues if the new
    /// policy wants it too. A machine that runs takes a change of its spec at its next boot.
    /// </summary>
    /// <param name="change">The change.</param>
    /// <param name="revision">The revision that the caller saw; null for any.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <returns>False if nothing differs.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: the change; <see cref="VmHostError.ResourceExhausted"/>: it cannot be saved,
    /// and nothing was changed; <see cref="VmHostError.FailedPrecondition"/>: the machine's record cannot be read;
    /// <see cref="VmHostError.Aborted"/>: the machine has another revision.
    /// </exception>
    public async Task<bool> UpdateAsync(MachineChange change, long? revision, CancellationToken ct)
    {
        if (change.Spec is { } spec && Snapshot is { Spec: { } current } snapshot)
            change = change with { Spec = spec.Validate(snapshot.PendingSpec ?? current, MachineFactory.Check) };
        if (change.Faults(Snapshot.Labels).ToList() is { Count: > 0 } faults)
            throw VmHostException.ForFaults([.. faults]);

        return (await AskAsync(id => new MachineEvent.UpdateRequested(id, change, revision), ct)).Changed;
    }

    /// <summary>Writes the record of a machine that is created and not started.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.ResourceExhausted"/>: it cannot be saved.</exception>
    internal Task SaveAsync() => AskAsync(static id => new MachineEvent.UpdateRequested(id, MachineChange.WriteOnly), CancellationToken.None);

    /// <summary>Returns the snapshot once no hypervisor runs, for certain.</summary>
    public Task<MachineSnapshot> WaitForRestAsync(CancellationToken ct) =>
        _loop.WaitForAsync(static snapshot => snapshot.State.IsAtRest() || snapshot.IsDeleted, ct);

    /// <summary>Returns the snapshot once its hypervisor runs, also when it has to be started first.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.NotFound"/>: it was deleted meanwhile.</exception>
    public async Task<MachineSnapshot> WaitForRunningAsync(CancellationToken ct)
    {
        var snapshot = await _loop.WaitForAsync(static snapshot => snapshot.State is MachineState.Running or MachineState.Paused || snapshot.IsDeleted, ct);
        return snapshot.IsDeleted ? throw new VmHostException(VmHostError.NotFound, $"machine {snapshot.Name} was deleted") : snapshot;
    }

    /// <summary>Returns once the guest took a TCP connection, which is closed again.</summary>
    /// <param name="guestPort">The guest's port.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: it is not published. <see cref="VmHostError.FailedPrecondition"/>: the
    /// machine does not run, or ended meanwhile.
    /// </exception>
    public async Task WaitForPortAsync(int guestPort, CancellationToken ct)
    {
        var port = Snapshot.Spec?.PublishedPorts.FirstOrDefault(port => port.GuestPort == guestPort && port.Protocol == PortProtocol.Tcp)
            ?? throw VmHostException.ForFaults([new("condition.port.guest_port", string.Create(CultureInfo.InvariantCulture, $"port {guestPort} of the guest is not published; run the machine with: --publish HOSTPORT:{guestPort}"))]);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var taken = new GuestPortProbe(_services.Time).WaitAsync(port, () => _effects.Contact.Boot, stop.Token);
        var ended = WaitForRestAsync(stop.Token);
        var first = await Task.WhenAny(taken, ended);
        await stop.CancelAsync();
        await first;
        if (first == ended)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"machine {Snapshot.Name} does not run, so nothing takes connections on its port {guestPort}")
            {
                Reason = ErrorReason.MachineNotRunning,
                Metadata = ErrorMetadata.Of(("machine", Snapshot.Name)),
            };
        }
    }

    /// <summary>Finds out, after the daemon's start, what the machine does. Returns once that is known, or cannot be known now.</summary>
    internal Task AdoptAsync()
    {
        _loop.Post(new MachineEvent.DaemonStarted());
        return _loop.WaitForAsync(static snapshot => !snapshot.IsBeingExamined, CancellationToken.None);
    }

    /// <summary>Starts the machine with the host. Returns when it runs, or waits for its next attempt.</summary>
    internal Task StartWithHostAsync() => _loop.AskAsync(static id => new MachineEvent.StartRequested(id, WithHost: true));

    /// <summary>The result of the run that created it, for a caller who asks again: a boot that a kill of the daemon broke off begins again.</summary>
    internal async Task<RunResult> ResumeCreateAsync()
    {
        using var limit = new CancellationTokenSource(AdoptionLimit, _services.Time);
        try
        {
            await _loop.WaitForAsync(static snapshot => snapshot.State is not (MachineState.Unknown or MachineState.Starting), limit.Token);
        }
        catch (OperationCanceledException)
        {
            // The answer reports it as it is.
        }

        var result = Snapshot is { State: MachineState.Failed, Boot.Number: 1, LastExit.Reason: ExitReason.StartFailed }
            ? await StartAsync(CancellationToken.None)
            : new(false, []);
        return new(this, result.Warnings);
    }

    /// <summary>Deletes the files of a machine that does not run; nothing else happens to it meanwhile or afterwards.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: it runs, or may run.</exception>
    internal async Task DeleteAsync(bool evenUnknown, CancellationToken ct) =>
        await AskAsync(id => new MachineEvent.DeleteRequested(id, evenUnknown), ct);

    /// <summary>Publishes that the machine was created.</summary>
    internal void PublishCreated() =>
        _services.Events.Publish(new() { Kind = HostEventKind.MachineCreated, MachineId = Snapshot.Id, Machine = Snapshot.Name, State = Snapshot.State, Labels = Snapshot.Labels.IsEmpty ? null : Snapshot.Labels });

    private void OnDeleted(ConsoleFeed feed, Action<Machine> deleted)
    {
        deleted(this);
        feed.SetLive(false);
    }

    private async Task<Outcome.Done> AskAsync(Func<long, MachineEvent.Request> request, CancellationToken ct) =>
        await _loop.AskAsync(request).WaitAsync(ct) switch
        {
            Outcome.Done done => done,
            Outcome.Refused { Refusal: var refusal } => throw refusal.ToException(),
            _ => throw new InvalidOperationException("no such outcome"),
        };
}
