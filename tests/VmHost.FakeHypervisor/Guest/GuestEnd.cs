namespace VmHost.FakeHypervisor.Guest;

/// <summary>What a guest can do to end its boot; each hypervisor tells it in its own way.</summary>
internal enum GuestEnd
{
    PowerOff,
    Reset,

    /// <summary>All processors stopped with interrupts off.</summary>
    Halt,
    TripleFault,
}
