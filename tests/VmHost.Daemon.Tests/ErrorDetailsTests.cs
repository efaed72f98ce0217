using VmHost.Daemon.Api;
using VmHost.Specs;

namespace VmHost.Daemon.Tests;

/// <summary>A status stays below what clients receive, whatever a hypervisor said and however much is wrong.</summary>
public sealed class ErrorDetailsTests
{
    // grpc-java's limit for all headers; the message comes once more beside the details, which are in base64.
    private const int MostHeaders = 8 << 10;

    [Fact]
    public void A_long_message_keeps_its_begin_and_its_end()
    {
        var status = ErrorDetails.Of(new VmHostException(VmHostError.HypervisorFailed, $"begin{new string('x', 9000)}end"));

        Assert.StartsWith("begin", status.Message, StringComparison.Ordinal);
        Assert.EndsWith("end", status.Message, StringComparison.Ordinal);
        AssertFits(status);
    }

    [Fact]
    public void Many_faults_are_cut_to_the_first()
    {
        var faults = Enumerable.Range(0, 200).Select(static i => new SpecFault($"spec.published_ports[{i}].host_port", new string('x', 500)));

        AssertFits(ErrorDetails.Of(VmHostException.ForFaults([.. faults])));
    }

    private static void AssertFits(Google.Rpc.Status status) =>
        Assert.InRange(status.Message.Length + (status.CalculateSize() * 4 / 3), 1, MostHeaders);
}
