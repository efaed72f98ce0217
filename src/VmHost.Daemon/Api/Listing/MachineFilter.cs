using System.Collections.Immutable;
using System.Text;
using VmHost.Machines;
using VmHost.Specs;

namespace VmHost.Daemon.Api.Listing;

/// <summary>
/// A subset of AIP-160: terms joined by AND, each a field, an operator and a value. <c>=</c> and <c>!=</c> compare the whole value,
/// <c>:</c> its begin; <c>labels.KEY:*</c> holds where the label exists. A machine without a label fulfils <c>!=</c> and no other
/// operator.
/// </summary>
internal sealed class MachineFilter
{
    private const int MaxBytes = 4096;

    private readonly ImmutableArray<FilterTerm> _terms;

    private MachineFilter(ImmutableArray<FilterTerm> terms) => _terms = terms;

    /// <summary>Reads a filter; empty text matches everything.</summary>
    /// <param name="text">The filter.</param>
    /// <param name="requestField">The field of the request, for errors.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: it is not a filter; with the place and the remedy.</exception>
    internal static MachineFilter Parse(string text, string requestField)
    {
        if (Encoding.UTF8.GetByteCount(text) > MaxBytes)
            throw VmHostException.ForFaults([new(requestField, $"has more than {MaxBytes} bytes; ask for less at once")]);

        try
        {
            return new(FilterParser.Parse(text));
        }
        catch (FormatException e)
        {
            throw VmHostException.ForFaults([new(requestField, e.Message)]);
        }
    }

    internal bool Matches(MachineSnapshot snapshot)
    {
        foreach (var term in _terms)
        {
            if (!term.Matches(snapshot))
                return false;
        }

        return true;
    }
}
