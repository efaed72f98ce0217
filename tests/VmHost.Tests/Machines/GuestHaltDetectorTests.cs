using VmHost.Machines;

namespace VmHost.Tests.Machines;

public sealed class GuestHaltDetectorTests
{
    // As QEMU 7.2 prints them, but for the registers between.
    private const string Halted = "CPU#0\nRAX=0000000000000000 RBX=0000000000000000\nRIP=ffffffff81a0 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\nES =0000\n";
    private const string Idle = "CPU#1\nRIP=ffffffff81a0 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n";
    private const string Busy = "CPU#1\nRIP=ffffffff81a0 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\n";
    private const string Halted32 = "CPU#0\nEIP=c1001000 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\n";

    [Theory]
    [InlineData(Halted, true)]
    [InlineData(Halted32, true)]
    [InlineData(Halted + Halted, true)]
    [InlineData(Idle, false)]          // it waits for an interrupt, as every idle processor does
    [InlineData(Halted + Idle, false)]
    [InlineData(Halted + Busy, false)]
    [InlineData("", false)]
    [InlineData("unknown command: 'info registers'", false)]
    public void Only_when_nothing_can_wake_any_processor_the_guest_halted(string registers, bool halted) =>
        Assert.Equal(halted, GuestHaltDetector.AllHalted(registers));
}
