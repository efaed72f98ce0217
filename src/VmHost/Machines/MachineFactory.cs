using System.Collections.Immutable;
using VmHost.Hypervisors;
using VmHost.Images;
using VmHost.Networking;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines;

/// <summary>A machine that was run.</summary>
/// <param name="Machine">It.</param>
/// <param name="Warnings">What is allowed and probably not meant.</param>
public sealed record RunResult(Machine Machine, ImmutableArray<string> Warnings);

/// <summary>What would be run.</summary>
/// <param name="Hypervisor">On what.</param>
/// <param name="Plan">The command line.</param>
public sealed record PlanResult(HypervisorKind Hypervisor, LaunchPlan Plan);

/// <summary>Makes machines of requests.</summary>
/// <param name="table">Gets them.</param>
/// <param name="services">What they use.</param>
public sealed class MachineFactory(MachineTable table, MachineServices services)
{
    // In place of an id in paths of a machine that does not exist.
    private const string NoId = "MACHINE-ID";

    /// <summary>Creates a machine and starts it. One whose hypervisor fails at once is not kept.</summary>
    /// <exception cref="VmHostException">As <see cref="Machine.StartAsync"/>, and for faults in the request.</exception>
    public async Task<RunResult> RunAsync(MachineRequest request, CancellationToken ct)
    {
        if (table.FindCreatedBy(request) is { } made)
            return await made.ResumeCreateAsync();   // by this request, whose answer was lost with the daemon before

        var validation = Validate(request);
        var spec = validation.Spec!;
        table.ThrowIfFull(services.MaxMachines);

        // Before anything is made; the start asks the same again, for itself.
        await MachinePlanner.PlanAsync(spec, services.PathsOf(NoId), services.Host, ct);
        if (PortProbe.FindTaken(spec.PublishedPorts) is { IsEmpty: false } taken)
            throw VmHostException.ForFaults(taken, VmHostError.FailedPrecondition, ErrorReason.ResourceInUse);

        var machine = Add(request, validation);
        return await KeepIfAsync(machine, async () =>
        {
            // Not called off when the caller goes away: what was accepted is carried through.
            var result = await machine.StartAsync(CancellationToken.None);
            return result.Warnings;
        });
    }

    /// <summary>Creates a machine and does not start it.</summary>
    /// <exception cref="VmHostException">
    /// For faults in the request, or where no hypervisor can do what it asks; <see cref="VmHostError.ResourceExhausted"/>: there are too
    /// many machines, or the record cannot be saved. Then nothing is left of it.
    /// </exception>
    public async Task<RunResult> CreateAsync(MachineRequest request, CancellationToken ct)
    {
        if (table.FindCreatedBy(request) is { } made)
            return new(made, []);

        var validation = Validate(request);
        table.ThrowIfFull(services.MaxMachines);
        var (_, plan) = await MachinePlanner.PlanWithoutHostAsync(validation.Spec!, services.PathsOf(NoId), services.Host, ct);
        var machine = Add(request, validation);
        return await KeepIfAsync(machine, async () =>
        {
            await machine.SaveAsync();
            return plan.Warnings;
        });
    }

    /// <summary>What <see cref="RunAsync"/> would run.</summary>
    /// <exception cref="VmHostException">For faults in the request, or where the hypervisor cannot do what it asks.</exception>
    public async Task<PlanResult> PlanAsync(MachineRequest request, CancellationToken ct)
    {
        var (hypervisor, plan) = await MachinePlanner.PlanWithoutHostAsync(Validate(request).Spec!, services.PathsOf(NoId), services.Host, ct);
        return new(hypervisor.Kind, plan);
    }

    /// <summary>Checks a request against the files of this host.</summary>
    internal static MachineValidation Check(MachineRequest request) => MachineSpecValidator.Validate(request, BootResolver.Resolve, DeviceFiles.Check);

    private static MachineValidation Validate(MachineRequest request)
    {
        var validation = Check(request);
        return validation.Faults.IsEmpty ? validation : throw VmHostException.ForFaults(validation.Faults);
    }

    // A machine whose first step fails leaves nothing. One that may still run is kept: it is reported as Unknown.
    private static async Task<RunResult> KeepIfAsync(Machine machine, Func<Task<ImmutableArray<string>>> firstStep)
    {
        machine.PublishCreated();
        try
        {
            return new(machine, await firstStep());
        }
        catch (Exception)
        {
            if (machine.Snapshot.State.IsAtRest())
                await machine.DeleteAsync(evenUnknown: false, CancellationToken.None);
            throw;
        }
    }

    private Machine Add(MachineRequest request, MachineValidation validation) =>
        table.AddNew(validation.Name!, validation.NameIsAutomatic, request.Digest, services.MaxMachines, name => new Machine(NewRecord(name, request, validation.Spec!), services, table.Remove));

    private MachineRecord NewRecord(string name, MachineRequest request, MachineSpec spec) =>
        new()
        {
            Schema = MachineRecord.CurrentSchema,
            Seq = 0,
            Id = MachineId.New(),
            Name = name,
            Spec = spec,
            CreatedAt = services.Time.GetUtcNow(),
            Restart = request.Restart,
            Labels = request.Labels.IsEmpty ? null : request.Labels,
            Annotations = request.Annotations.IsEmpty ? null : request.Annotations,
            RequestId = request.Id,
            RequestDigest = request.Digest,
        };
}
