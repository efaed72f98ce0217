using System.Reflection;
using Grpc.Core;
using Microsoft.Extensions.Options;
using VmHost.Hypervisors;
using VmHost.Protocol.V1;

namespace VmHost.Daemon.Api;

internal sealed class HostApi(HostProbe host, IOptions<DaemonOptions> options) : HostService.HostServiceBase
{
    public override async Task<GetHostInfoResponse> GetHostInfo(GetHostInfoRequest request, ServerCallContext context)
    {
        var facts = await host.ProbeAsync(context.CancellationToken);
        return new GetHostInfoResponse
        {
            Version = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "",
            Pid = Environment.ProcessId,
            StateDir = options.Value.StateDir,
            RunDir = options.Value.RunDir,
            Hypervisors = { MachineMapping.ToProto(facts.Qemu) },
        };
    }
}
