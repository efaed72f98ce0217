using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// The raw side of streaming: a program that does nothing but send a file in the daemon's messages over the same transport,
/// as fast as gRPC lets it; and to answer a call.
/// </summary>
internal sealed class BareStream : IDisposable
{
    internal const string ServerArgument = "--bare-stream-server";

    private const int ChunkSize = 64 << 10;

    private readonly TemporaryDirectory _directory = new();
    private readonly Process _server;

    private BareStream(string file)
    {
        _server = Process.Start(Environment.ProcessPath!, [ServerArgument, Socket, file]);
        Channel = VmHostChannel.Open(new VmHostAddress(Socket));
    }

    internal string Socket => _directory.Combine("s");

    internal GrpcChannel Channel { get; }

    /// <summary>Starts it in a process of its own.</summary>
    internal static async Task<BareStream> StartAsync(string file)
    {
        var started = new BareStream(file);
        await Eventually.TrueAsync(() => File.Exists(started.Socket), "the bare stream's server listens");
        return started;
    }

    /// <summary>That process.</summary>
    internal static async Task ServeAsync(string socket, string file)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new Service(file));
        await using var server = builder.Build();
        server.MapGrpcService<Service>();
        await server.RunAsync();
    }

    public void Dispose()
    {
        Channel.Dispose();
        _server.Kill();
        _server.Dispose();
        _directory.Dispose();
    }

    private sealed class Service(string path) : ConsoleService.ConsoleServiceBase
    {
        public override async Task ReadConsole(
            ReadConsoleRequest request, IServerStreamWriter<ReadConsoleResponse> responseStream, ServerCallContext context)
        {
            using var file = File.OpenHandle(path);
            var buffer = new byte[ChunkSize];
            var offset = 0L;
            for (int count; (count = RandomAccess.Read(file, buffer, offset)) > 0; offset += count)
                await responseStream.WriteAsync(new() { Offset = offset, Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, count)) });
        }

        public override Task<WriteConsoleResponse> WriteConsole(WriteConsoleRequest request, ServerCallContext context) =>
            Task.FromResult(new WriteConsoleResponse());
    }
}
