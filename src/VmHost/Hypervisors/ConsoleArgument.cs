using System.Collections.Immutable;

namespace VmHost.Hypervisors;

/// <summary>Looks whether the guest's kernel was told to use the serial port that is recorded.</summary>
internal static class ConsoleArgument
{
    /// <summary>A warning when no <c>console=</c> names the device; empty otherwise.</summary>
    /// <param name="commandLine">Of the guest's kernel.</param>
    /// <param name="device">The guest's name of the serial port, for example ttyS0.</param>
    internal static ImmutableArray<string> Warnings(string commandLine, string device)
    {
        var prefix = $"console={device}";
        foreach (var word in commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            // Speed and such follow a comma: console=ttyS0,115200n8.
            if (word == prefix || word.StartsWith(prefix + ',', StringComparison.Ordinal))
                return [];
        }

        return [$"the kernel command line has no console={device}, so the guest may write nothing to its console; add console={device} to it (vmctl: --append console={device})"];
    }
}
