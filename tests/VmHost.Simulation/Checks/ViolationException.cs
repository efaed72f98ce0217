namespace VmHost.Simulation.Checks;

/// <summary>A rule was broken.</summary>
internal sealed class ViolationException(string message) : Exception(message);
