using VmHost.Protocol.V1;

namespace VmHost.Cli.Tests;

public sealed class ExitCodesTests
{
    [Theory]
    [InlineData(ExitReason.PowerOff, null, 0)]
    [InlineData(ExitReason.Halt, null, 0)]
    [InlineData(ExitReason.Reset, null, 10)]
    [InlineData(ExitReason.Panic, null, 11)]
    [InlineData(ExitReason.TripleFault, null, 11)]
    [InlineData(ExitReason.Killed, 9, 137)]
    [InlineData(ExitReason.HypervisorError, 11, 139)]
    [InlineData(ExitReason.ShimLost, null, 1)]
    public void A_command_ends_as_its_machine_did(ExitReason reason, int? signal, int code)
    {
        var exit = new MachineExit { Reason = reason };
        if (signal is { } number)
            exit.Signal = number;

        Assert.Equal((code, code), (ExitCodes.OfRun(exit), ExitCodes.OfWait(exit)));
    }

    [Fact]
    public void A_failed_start_is_a_refusal_of_run_and_a_failure_to_who_only_waits()
    {
        var exit = new MachineExit { Reason = ExitReason.StartFailed };

        Assert.Equal((ExitCodes.Refused, ExitCodes.Failed), (ExitCodes.OfRun(exit), ExitCodes.OfWait(exit)));
    }
}
