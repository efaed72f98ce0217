using Grpc.Core;
using VmHost.Daemon.Api.Listing;
using VmHost.Machines;
using VmHost.Protocol.V1;

namespace VmHost.Daemon.Api;

/// <summary>Map, call, map. Each request that changes something is carried through when the caller goes away.</summary>
internal sealed class MachineApi(MachineRegistry machines, MachineFactory factory, RequestMemory requests, IHostApplicationLifetime lifetime)
    : MachineService.MachineServiceBase
{
    public override Task<RunMachineResponse> RunMachine(RunMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var result = await factory.RunAsync(RequestMapping.ToRequest(request), CancellationOf(request.RequestId, context));
            return new RunMachineResponse { Machine = MachineMapping.ToProto(result.Machine.Snapshot), Warnings = { result.Warnings } };
        });

    public override Task<CreateMachineResponse> CreateMachine(CreateMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var result = await factory.CreateAsync(RequestMapping.ToRequest(request), CancellationOf(request.RequestId, context));
            return new CreateMachineResponse { Machine = MachineMapping.ToProto(result.Machine.Snapshot), Warnings = { result.Warnings } };
        });

    public override Task<StartMachineResponse> StartMachine(StartMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var result = await machine.StartAsync(CancellationOf(request.RequestId, context));
            return new StartMachineResponse
            {
                Machine = MachineMapping.ToProto(machine.Snapshot),
                Changed = result.Changed,
                Warnings = { result.Warnings },
            };
        });

    public override Task<HaltMachineResponse> HaltMachine(HaltMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var result = await machine.HaltAsync(RequestMapping.ToOptions(request), CancellationOf(request.RequestId, context));
            return new HaltMachineResponse
            {
                Machine = MachineMapping.ToProto(machine.Snapshot),
                Changed = result is not null,
                Killed = result == StopResult.Killed,
            };
        });

    public override Task<KillMachineResponse> KillMachine(KillMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var changed = await machine.KillAsync(CancellationOf(request.RequestId, context));
            return new KillMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
        });

    public override Task<RestartMachineResponse> RestartMachine(RestartMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var result = await machine.RestartAsync(RequestMapping.ToOptions(request), CancellationOf(request.RequestId, context));
            return new RestartMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Warnings = { result.Warnings } };
        });

    public override Task<ResetMachineResponse> ResetMachine(ResetMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var result = await machine.ResetAsync(CancellationOf(request.RequestId, context));
            return new ResetMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Warnings = { result.Warnings } };
        });

    public override Task<RenameMachineResponse> RenameMachine(RenameMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var changed = await machines.RenameAsync(machine, request.NewName, ETag.Parse(request.Etag));
            return new RenameMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
        });

    public override Task<UpdateMachineResponse> UpdateMachine(UpdateMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var changed = await machine.UpdateAsync(UpdateMask.ToChange(request), ETag.Parse(request.Etag), CancellationOf(request.RequestId, context));
            return new UpdateMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
        });

    public override Task<PauseMachineResponse> PauseMachine(PauseMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var changed = await machine.PauseAsync(CancellationOf(request.RequestId, context));
            return new PauseMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
        });

    public override Task<ResumeMachineResponse> ResumeMachine(ResumeMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            var changed = await machine.ResumeAsync(CancellationOf(request.RequestId, context));
            return new ResumeMachineResponse { Machine = MachineMapping.ToProto(machine.Snapshot), Changed = changed };
        });

    public override Task<DeleteMachineResponse> DeleteMachine(DeleteMachineRequest request, ServerCallContext context) =>
        requests.OnceAsync(request.RequestId, request, async () =>
        {
            var machine = machines.Get(request.Machine);
            await machines.DeleteAsync(machine, request.Force, CancellationOf(request.RequestId, context));
            return new DeleteMachineResponse { Id = machine.Snapshot.Id, Name = machine.Snapshot.Name };
        });

    public override Task<GetMachineResponse> GetMachine(GetMachineRequest request, ServerCallContext context) =>
        Task.FromResult(new GetMachineResponse { Machine = MachineMapping.ToDetailedProto(machines.Get(request.Machine).Snapshot) });

    public override Task<ListMachinesResponse> ListMachines(ListMachinesRequest request, ServerCallContext context) =>
        Task.FromResult(MachinePages.Read(machines.List(), request));

    public override async Task<WaitMachineResponse> WaitMachine(WaitMachineRequest request, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        return await MachineWait.RunAsync(machines, request, stop);
    }

    public override async Task<PlanMachineResponse> PlanMachine(PlanMachineRequest request, ServerCallContext context)
    {
        var result = await factory.PlanAsync(RequestMapping.ToRequest(request), context.CancellationToken);
        return MachineMapping.ToProto(result);
    }

    // Who asks with an id may come back for the answer: the call is theirs no more.
    private static CancellationToken CancellationOf(string requestId, ServerCallContext context) =>
        requestId.Length > 0 ? CancellationToken.None : context.CancellationToken;
}
