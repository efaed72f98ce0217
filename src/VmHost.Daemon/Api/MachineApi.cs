using Grpc.Core;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.Supervision;

namespace VmHost.Daemon.Api;

/// <summary>Map, call, map. Each request that changes something is carried through when the caller goes away.</summary>
internal sealed class MachineApi(MachineRegistry machines, IHostApplicationLifetime lifetime) : MachineService.MachineServiceBase
{
    public override async Task<RunMachineResponse> RunMachine(RunMachineRequest request, ServerCallContext context)
    {
        var result = await machines.RunAsync(RequestMapping.ToRequest(request.HasName ? request.Name : null, request.Spec), context.CancellationToken);
        return new RunMachineResponse { Machine = MachineMapping.ToProto(result.Machine.Snapshot), Warnings = { result.Warnings } };
    }

    public override async Task<StartMachineResponse> StartMachine(StartMachineRequest request, ServerCallContext context)
    {
        var machine = machines.Get(request.Machine);
        var result = await machine.StartAsync(context.CancellationToken);
        return new StartMachineResponse
        {
            Machine = MachineMapping.ToProto(machine.Snapshot),
            Changed = result.Changed,
            Warnings = { result.Warnings },
        };
    }

    public override async Task<HaltMachineResponse> HaltMachine(HaltMachineRequest request, ServerCallContext context)
    {
        var machine = machines.Get(request.Machine);
        var result = await machine.HaltAsync(
            RequestMapping.Grace(request), request.OnTimeout != HaltTimeoutAction.Fail, context.CancellationToken);
        return new HaltMachineResponse
        {
            Machine = MachineMapping.ToProto(machine.Snapshot),
            Changed = result is not null,
            Killed = result == StopResult.Killed,
        };
    }

    public override async Task<KillMachineResponse> KillMachine(KillMachineRequest request, ServerCallContext context)
    {
        var machine = machines.Get(request.Machine);
        var changed = await machine.KillAsync(context.CancellationToken);
        return new KillMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
    }

    public override async Task<PauseMachineResponse> PauseMachine(PauseMachineRequest request, ServerCallContext context)
    {
        var machine = machines.Get(request.Machine);
        var changed = await machine.PauseAsync(context.CancellationToken);
        return new PauseMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
    }

    public override async Task<ResumeMachineResponse> ResumeMachine(ResumeMachineRequest request, ServerCallContext context)
    {
        var machine = machines.Get(request.Machine);
        var changed = await machine.ResumeAsync(context.CancellationToken);
        return new ResumeMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
    }

    public override async Task<DeleteMachineResponse> DeleteMachine(DeleteMachineRequest request, ServerCallContext context)
    {
        var machine = machines.Get(request.Machine);
        await machines.DeleteAsync(machine, request.Force, context.CancellationToken);
        return new DeleteMachineResponse { Id = machine.Snapshot.Id, Name = machine.Snapshot.Name };
    }

    public override Task<GetMachineResponse> GetMachine(GetMachineRequest request, ServerCallContext context) =>
        Task.FromResult(new GetMachineResponse { Machine = MachineMapping.ToDetailedProto(machines.Get(request.Machine).Snapshot) });

    public override Task<ListMachinesResponse> ListMachines(ListMachinesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListMachinesResponse { Machines = { machines.List().Select(MachineMapping.ToProto) } });

    public override async Task<WaitMachineResponse> WaitMachine(WaitMachineRequest request, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var snapshot = await machines.Get(request.Machine).WaitForRestAsync(stop.Token);
        return new WaitMachineResponse { Machine = MachineMapping.ToProto(snapshot) };
    }

    public override async Task<PlanMachineResponse> PlanMachine(PlanMachineRequest request, ServerCallContext context)
    {
        var result = await machines.PlanAsync(RequestMapping.ToRequest(request.HasName ? request.Name : null, request.Spec), context.CancellationToken);
        return MachineMapping.ToProto(result);
    }
}
