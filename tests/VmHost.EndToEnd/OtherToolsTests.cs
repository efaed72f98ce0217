using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;
using VmHost.Client;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>What tools that know nothing of VmHost (grpcurl, a health probe) ask of the published daemon.</summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class OtherToolsTests
{
    [Fact]
    public async Task A_health_probe_is_told_whether_the_daemon_can_do_its_work()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));

        var client = new Health.HealthClient(channel);

        var sound = await client.CheckAsync(new HealthCheckRequest());
        Directory.Delete(daemon.StateDir, recursive: true);
        var broken = await client.CheckAsync(new HealthCheckRequest());

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, sound.Status);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, broken.Status);
    }

    [Fact]
    public async Task Reflection_tells_the_services_and_their_methods()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        using var reflection = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo();

        var services = (await AskAsync(reflection, new() { ListServices = "" })).ListServicesResponse.Service.Select(service => service.Name);
        var file = (await AskAsync(reflection, new() { FileContainingSymbol = "vmhost.v1.MachineService" })).FileDescriptorResponse.FileDescriptorProto;

        Assert.Superset(
            new HashSet<string>(["vmhost.v1.MachineService", "vmhost.v1.ConsoleService", "vmhost.v1.HostService"], StringComparer.Ordinal),
            services.ToHashSet(StringComparer.Ordinal));
        var methods = file.Select(FileDescriptorProto.Parser.ParseFrom).SelectMany(descriptor => descriptor.Service).SelectMany(service => service.Method);
        Assert.Contains("RunMachine", methods.Select(method => method.Name));
    }

    private static async Task<ServerReflectionResponse> AskAsync(
        AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> reflection, ServerReflectionRequest request)
    {
        await reflection.RequestStream.WriteAsync(request);
        Assert.True(await reflection.ResponseStream.MoveNext(CancellationToken.None));
        return reflection.ResponseStream.Current;
    }
}
