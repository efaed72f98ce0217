using VmHost.Hypervisors;
using VmHost.State;

namespace VmHost.Simulation.Truth;

/// <summary>What a process does.</summary>
internal enum ProcessState
{
    NotStarted,

    Lives,

    /// <summary>Dead, and its parent has not collected it yet.</summary>
    Zombie,

    Gone,
}

/// <summary>What a guest's processors do.</summary>
internal enum GuestRun
{
    Runs,

    /// <summary>Stopped by a request to the hypervisor.</summary>
    Stopped,

    /// <summary>Stopped by the hypervisor, as an access to a disk failed.</summary>
    IoError,
}

/// <summary>A shim, its hypervisor and the guest in it, as they really are.</summary>
internal sealed class SimulatedBoot(BootRecord record, ControlChannel control)
{
    internal BootRecord Record => record;

    internal int Number => record.Number;

    internal ControlChannel Control => control;

    internal int ShimPid => 1000 + (2 * record.Number);

    internal int HypervisorPid => 1001 + (2 * record.Number);

    internal bool ShimLives { get; set; } = true;

    /// <summary>The shim takes connections and answers nothing.</summary>
    internal bool ShimSilent { get; set; }

    internal ProcessState Hypervisor { get; set; }

    /// <summary>How the hypervisor ended, once it did.</summary>
    internal ExitReason Reason { get; set; }

    internal TimeSpan StartedAt { get; set; }

    internal TimeSpan EndedAt { get; set; }

    /// <summary>SIGKILL is on its way to the hypervisor.</summary>
    internal bool KillSent { get; set; }

    /// <summary>The kernel does not let go of the hypervisor.</summary>
    internal bool Unkillable { get; set; }

    /// <summary>The shim's report to the daemon that launched it: null for none yet, else "" or the error.</summary>
    internal string? Report { get; set; }

    /// <summary>exit.json is written, or never will be.</summary>
    internal bool ExitRecorded { get; set; }

    /// <summary>The hypervisor never answers and never runs the guest.</summary>
    internal bool Hangs { get; set; }

    /// <summary>The daemon that began it is dead, or lost its thread, and nothing can know whether the guest ever ran.</summary>
    internal bool OutlivedDaemon { get; set; }

    /// <summary>The hypervisor's monitor answers nothing.</summary>
    internal bool MonitorHangs { get; set; }

    internal bool IgnoresButton { get; set; }

    /// <summary>The guest has shown the first sign of life.</summary>
    internal bool Ready { get; set; }

    /// <summary>Until the guest has its driver, it does not see the button.</summary>
    internal int PressesUnseen { get; set; }

    internal bool ButtonPressed { get; set; }

    /// <summary>The guest halted its processors with interrupts off.</summary>
    internal bool GuestHalted { get; set; }

    internal GuestRun Run { get; private set; }

    /// <summary>Counts the changes of <see cref="Run"/>.</summary>
    internal int Changes { get; private set; }

    /// <summary>Something of the machine lives, so that its lock is held.</summary>
    internal bool Lives => ShimLives || Hypervisor == ProcessState.Lives;

    internal bool GuestCanAct => Hypervisor == ProcessState.Lives && Run == GuestRun.Runs && !GuestHalted && !Hangs;

    internal void SetRun(GuestRun run)
    {
        if (Run == run)
            return;

        Run = run;
        Changes++;
    }
}
