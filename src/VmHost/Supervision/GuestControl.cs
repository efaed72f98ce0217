using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Supervision;

/// <summary>Asks a running hypervisor for something, in the way that it understands.</summary>
internal sealed class GuestControl(SupervisedBoot boot, ControlChannel channel, MachinePaths paths)
{
    /// <summary>Presses the power button. Whether the guest does anything is its own affair.</summary>
    /// <exception cref="IOException">The hypervisor cannot be asked.</exception>
    internal Task PressPowerButtonAsync(CancellationToken ct) =>
        channel switch
        {
            ControlChannel.Qmp => QmpAsync("system_powerdown", ct),
            ControlChannel.Rest => RestAsync("Stop", ct),
            _ => boot.SignalAsync(Signals.Terminate, ct),
        };

    /// <summary>Stops the guest's processors.</summary>
    /// <exception cref="IOException">The hypervisor cannot be asked, or refused.</exception>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: this hypervisor has no pause.</exception>
    internal Task PauseAsync(CancellationToken ct) =>
        channel switch
        {
            ControlChannel.Qmp => QmpAsync("stop", ct),
            ControlChannel.Rest => RestAsync("Pause", ct),
            // HyperKit's own: hyperkit.c, "SIGUSR1/2 sources".
            ControlChannel.TerminateAndUserSignals => boot.SignalAsync(Signals.User1, ct),

            // The signal that pauses HyperKit kills xhyve.
            _ => throw new VmHostException(VmHostError.FailedPrecondition, "xhyve cannot pause a guest; use HyperKit or QEMU") { Reason = ErrorReason.HypervisorUnsupported },
        };

    /// <summary>Lets the guest's processors go on.</summary>
    /// <exception cref="IOException">The hypervisor cannot be asked, or refused.</exception>
    internal Task ResumeAsync(CancellationToken ct) =>
        channel switch
        {
            ControlChannel.Qmp => QmpAsync("cont", ct),
            ControlChannel.Rest => RestAsync("Resume", ct),
            _ => boot.SignalAsync(Signals.User2, ct),
        };

    private async Task QmpAsync(string command, CancellationToken ct) => await boot.Monitor.ExecuteAsync(command, ct);

    private async Task RestAsync(string state, CancellationToken ct)
    {
        try
        {
            await VfkitRest.SetStateAsync(paths.RestSocket, state, ct);
        }
        catch (HttpRequestException e)
        {
            throw new IOException($"vfkit's REST service refused {state}, or cannot be reached: {e.Message}", e);
        }
    }
}
