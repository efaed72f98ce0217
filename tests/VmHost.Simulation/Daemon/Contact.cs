using VmHost.Simulation.Truth;

namespace VmHost.Simulation.Daemon;

/// <summary>A daemon's connection to a shim.</summary>
internal sealed class Contact(SimulatedBoot boot)
{
    internal SimulatedBoot Boot => boot;

    /// <summary>The daemon closed it, as a request was not answered.</summary>
    internal bool Broken { get; set; }

    /// <summary>The guest is watched over it.</summary>
    internal bool Watched { get; set; }

    internal bool Closed => Broken || !boot.ShimLives;
}
