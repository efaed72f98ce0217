using System.CommandLine;
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
        Recursive = true,
    };

    private readonly GrpcChannel _channel;

    private Connection(VmHostAddress address)
    {
        _channel = VmHostChannel.Open(address);
        Machines = new(_channel);
        Console = new(_channel);
        Host = new(_channel);
    }

    internal MachineService.MachineServiceClient Machines { get; }

    internal ConsoleService.ConsoleServiceClient Console { get; }

    internal HostService.HostServiceClient Host { get; }

    internal static Connection Open(ParseResult parsed) => new(VmHostAddress.Resolve(parsed.GetValue(HostOption)));

    public void Dispose() => _channel.Dispose();
}
