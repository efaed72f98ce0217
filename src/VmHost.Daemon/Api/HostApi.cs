using System.Reflection;
using Grpc.Core;
using Microsoft.Extensions.Options;
using VmHost.Hypervisors;
using VmHost.Hypervisors.Diagnosis;
using VmHost.Protocol.V1;

namespace VmHost.Daemon.Api;

internal sealed class HostApi(HostProbe host, HostDiagnosis diagnosis, IOptions<DaemonOptions> options) : HostService.HostServiceBase
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
            Hypervisors = { facts.Hypervisors.Select(MachineMapping.ToProto) },
            Features = { Features.All },
        };
    }

    public override async Task<DiagnoseHostResponse> DiagnoseHost(DiagnoseHostRequest request, ServerCallContext context)
    {
        var findings = await diagnosis.FindAsync(context.CancellationToken);
        return new DiagnoseHostResponse { Findings = { findings.Select(FindingMapping.ToProto) } };
    }
}
