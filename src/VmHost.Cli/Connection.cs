using System.CommandLine;
using Grpc.Core;
using Grpc.Net.Client;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli;

/// <summary>The daemon, as one command talks to it.</summary>
internal sealed class Connection : IDisposable
{
    internal static readonly Option<string?> HostOption = new("--host")
    {
        Description = "The daemon's socket: a path or unix:///path (default: VMHOST_SOCKET, else the run directory's)",
        HelpName = "SOCKET",
        Recursive = true,
    };

    // Far longer than what only looks may take; a daemon that is stopped or hangs takes connections and says nothing.
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(10);

    // Longer than a diagnosis takes where every program that it asks hangs.
    private static readonly TimeSpan DiagnosisLimit = TimeSpan.FromSeconds(75);

    private readonly GrpcChannel _channel;
    private readonly VmHostAddress _address;

    private Connection(VmHostAddress address)
    {
        _address = address;
        _channel = VmHostChannel.Open(address);
        Machines = new(_channel);
        Console = new(_channel);
        Host = new(_channel);
        Events = new(_channel);
    }

    internal MachineService.MachineServiceClient Machines { get; }

    internal ConsoleService.ConsoleServiceClient Console { get; }

    internal EventService.EventServiceClient Events { get; }

    internal string SocketPath => _address.SocketPath;

    private HostService.HostServiceClient Host { get; }

    internal static Connection Open(ParseResult parsed)
    {
        try
        {
            return new(VmHostAddress.Resolve(parsed.GetValue(HostOption)));
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new CliException(ExitCodes.Usage, $"--host or {VmHostAddress.Variable}: {e.Message}");
        }
    }

    /// <summary>All machines that match, by name.</summary>
    /// <param name="filter">As in ListMachinesRequest; empty for all.</param>
    /// <param name="ct">Gives up.</param>
    internal async Task<IReadOnlyList<Machine>> ListAsync(string filter, CancellationToken ct)
    {
        var all = new List<Machine>();
        var request = new ListMachinesRequest { Filter = filter, View = Protocol.V1.MachineView.Full };
        do
        {
            var page = await LookAsync(deadline => Machines.ListMachinesAsync(request, deadline: deadline, cancellationToken: ct));
            all.AddRange(page.Machines);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);

        all.Sort(static (one, other) => string.CompareOrdinal(one.Name, other.Name));
        return all;
    }

    internal async Task<Machine> GetAsync(string machine, CancellationToken ct) =>
        (await LookAsync(deadline => Machines.GetMachineAsync(new() { Machine = machine }, deadline: deadline, cancellationToken: ct))).Machine;

    internal Task<GetHostInfoResponse> HostInfoAsync(CancellationToken ct) =>
        LookAsync(deadline => Host.GetHostInfoAsync(new(), deadline: deadline, cancellationToken: ct));

    internal async Task<IReadOnlyList<Finding>> DiagnoseAsync(CancellationToken ct) =>
        (await LookAsync(deadline => Host.DiagnoseHostAsync(new(), deadline: deadline, cancellationToken: ct), DiagnosisLimit)).Findings;

    internal Task<RunMachineResponse> RunAsync(RunMachineRequest request, CancellationToken ct) =>
        new ResumingRun(Machines, TimeProvider.System).RunAsync(request, ct);

    /// <summary>The machine once it does not run, also when the daemon is restarted meanwhile.</summary>
    internal Task<Machine> EndOfAsync(string machine, CancellationToken ct) =>
        new ResumingWait(Machines, TimeProvider.System).WaitAsync(machine, ct);

    /// <summary>The machine once what is waited for holds, also when the daemon is restarted meanwhile.</summary>
    internal Task<Machine> WaitAsync(WaitMachineRequest request, DateTime? deadline, CancellationToken ct) =>
        new ResumingWait(Machines, TimeProvider.System).WaitAsync(request, deadline, ct);

    public void Dispose() => _channel.Dispose();

    private Task<T> LookAsync<T>(Func<DateTime, AsyncUnaryCall<T>> call) => LookAsync(call, LookLimit);

    private async Task<T> LookAsync<T>(Func<DateTime, AsyncUnaryCall<T>> call, TimeSpan limit)
    {
        try
        {
            return await call(TimeProvider.System.GetUtcNow().UtcDateTime + limit);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
        {
            throw new DaemonUnreachableException(
                UnreachableReason.TimedOut, _address.SocketPath, $"it did not answer within {limit.TotalSeconds:0} s");
        }
    }
}
