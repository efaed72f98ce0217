using VmHost.Machines;

namespace VmHost.Tests.Machines;

public sealed class GuestPortProbeTests
{
    // As QEMU 7.2 prints them.
    private const string Head = "Hub -1 (n0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n";
    private const string Listening = "  TCP[HOST_FORWARD]  10       127.0.0.1 16399       10.0.2.15  6379     0     0\r\n";
    private const string Asked = "  TCP[SYN_SENT]      15       127.0.0.1 16399       10.0.2.15  6379     0     0\r\n";
    private const string Ended = "  TCP[TIME_WAIT]     11       127.0.0.1 16399       10.0.2.15  6379     0     0\r\n";
    private const string Taken = "  TCP[ESTABLISHED]   16       127.0.0.1 16399       10.0.2.15  6379     0     0\r\n";

    [Theory]
    [InlineData(Head + Asked + Taken + Listening, 6379, true)]
    [InlineData(Head + Asked + Ended + Listening, 6379, false)]
    [InlineData(Head + Taken + Listening, 637, false)]
    [InlineData(Head + Taken + Listening, 16399, false)]   // the host's side says nothing
    [InlineData(Head, 6379, false)]
    [InlineData("", 6379, false)]
    public void Only_what_the_guest_took_counts(string connections, int port, bool taken) =>
        Assert.Equal(taken, GuestPortProbe.IsTaken(connections, port));
}
