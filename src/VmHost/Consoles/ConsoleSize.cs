using System.Collections.Immutable;
using System.Globalization;
using VmHost.Consoles.Screen;
using VmHost.Specs;

namespace VmHost.Consoles;

/// <summary>How large a terminal is, in characters.</summary>
/// <param name="Columns">1 to <see cref="ConsoleScreen.MaxSize"/>.</param>
/// <param name="Rows">1 to <see cref="ConsoleScreen.MaxSize"/>.</param>
public sealed record ConsoleSize(int Columns, int Rows)
{
    /// <summary>What a terminal has that was not told otherwise.</summary>
    public static ConsoleSize Default { get; } = new(80, 24);

    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: a number is out of range.</exception>
    public void ThrowIfOutOfRange()
    {
        ImmutableArray<SpecFault> faults = [.. Fault("columns", Columns), .. Fault("rows", Rows)];
        if (!faults.IsEmpty)
            throw VmHostException.ForFaults(faults);
    }

    private static SpecFault[] Fault(string field, int value) =>
        value is >= 1 and <= ConsoleScreen.MaxSize
            ? []
            : [new(field, string.Create(CultureInfo.InvariantCulture, $"must be 1 to {ConsoleScreen.MaxSize}, not {value}"))];
}
