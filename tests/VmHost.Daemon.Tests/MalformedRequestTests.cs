using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Requests that are not messages of their type, as a client of another language may send them.</summary>
public sealed class MalformedRequestTests : IClassFixture<FakeDaemonFixture>, IDisposable
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static bytes => bytes, static bytes => bytes);

    private readonly DaemonProcess _daemon;
    private readonly Grpc.Net.Client.GrpcChannel _channel;

    public MalformedRequestTests(FakeDaemonFixture fixture)
    {
        _daemon = fixture.Daemon;
        _channel = VmHostChannel.Open(new VmHostAddress(_daemon.Socket));
    }

    /// <summary>A cut length, an invalid tag, a string that is not UTF-8 (in field 1, a machine's name).</summary>
    public static TheoryData<byte[]> Malformed { get; } = [new byte[] { 0x0a, 0x05, 0x61 }, new byte[] { 0x00 }, new byte[] { 0x0a, 0x02, 0xc3, 0x28 }];

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task A_unary_call_is_an_invalid_argument(byte[] request)
    {
        var method = new Method<byte[], byte[]>(MethodType.Unary, "vmhost.v1.MachineService", "GetMachine", Bytes, Bytes);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, request));

        AssertRefused(error);
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task A_call_with_a_stream_of_answers_is_an_invalid_argument(byte[] request)
    {
        var method = new Method<byte[], byte[]>(MethodType.ServerStreaming, "vmhost.v1.ConsoleService", "ReadConsole", Bytes, Bytes);

        using var call = _channel.CreateCallInvoker().AsyncServerStreamingCall(method, null, default, request);
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));

        AssertRefused(error);
    }

    [Fact]
    public async Task A_request_that_is_too_large_names_the_field_and_the_limit()
    {
        var machines = new MachineService.MachineServiceClient(_channel);

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await machines.RunMachineAsync(new() { Spec = new() { Boot = new() { KernelPath = "/k", CommandLine = new string('x', 300_000) } } }));

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        var violation = Assert.Single(error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations);
        Assert.Equal("spec.boot.command_line", violation.Field);
        Assert.Equal("has 300000 bytes, which makes the request 300016 bytes long, and at most 262144 are allowed; send less at once", violation.Description);
    }

    [Fact]
    public async Task A_request_that_is_large_by_unknown_fields_names_no_innocent_one()
    {
        var method = new Method<byte[], byte[]>(MethodType.Unary, "vmhost.v1.HostService", "GetHostInfo", Bytes, Bytes);
        byte[] request = [0xfa, 0x3f, 0x80, 0x80, 0x14, .. new byte[0x14 << 14]];   // field 1023, of 327,680 bytes

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, request));

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Contains("at most 262144 are allowed", error.Status.Detail, StringComparison.Ordinal);
    }

    public void Dispose() => _channel.Dispose();

    private void AssertRefused(RpcException error)
    {
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal("the request is not a message of the method's type: malformed protobuf, or a string that is not valid UTF-8", error.Status.Detail);
        Assert.DoesNotContain("Exception", _daemon.Log, StringComparison.Ordinal);
    }
}
