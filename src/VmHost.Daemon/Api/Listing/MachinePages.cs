using System.Collections.Immutable;
using System.Globalization;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.Specs;

namespace VmHost.Daemon.Api.Listing;

/// <summary>
/// The pages of a list of machines. They are ordered by what never changes of a machine (time of creation, id), so that nothing that
/// is created, renamed or deleted between two pages moves another machine from one to the other.
/// </summary>
internal static class MachinePages
{
    private const int MaxPageSize = 1000;

    // Half of what gRPC libraries receive by default.
    private const int MaxPageBytes = 2 << 20;

    /// <summary>Reads one page.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: a field of the request.</exception>
    internal static ListMachinesResponse Read(ImmutableArray<MachineSnapshot> machines, ListMachinesRequest request)
    {
        if (request.PageSize is < 0 or > MaxPageSize)
            throw VmHostException.ForFaults([new("page_size", string.Create(CultureInfo.InvariantCulture, $"must be 1 to {MaxPageSize}, or unset, not {request.PageSize}"))]);

        var filter = MachineFilter.Parse(request.Filter, "filter");
        var view = ViewOf(request.View, "view");
        var after = PageToken.Parse(request.PageToken, request.Filter);
        var left = request.PageSize > 0 ? request.PageSize : MaxPageSize;
        var page = new ListMachinesResponse();
        var bytes = 0L;
        var last = default(PageToken);
        foreach (var (place, snapshot) in machines.Select(static one => (Place: PageToken.Of(one), one)).Where(one => PageToken.Order.Compare(one.Place, after) > 0).OrderBy(static one => one.Place, PageToken.Order))
        {
            if (!filter.Matches(snapshot))
                continue;

            var machine = MachineMapping.ToProto(snapshot, view);
            bytes += machine.CalculateSize();
            if (left-- == 0 || (bytes > MaxPageBytes && page.Machines.Count > 0))
            {
                page.NextPageToken = last.ToText(request.Filter);
                break;
            }

            page.Machines.Add(machine);
            last = place;
        }

        return page;
    }

    /// <summary>The view that a request asks for.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: it is not known.</exception>
    internal static MachineView ViewOf(MachineView asked, string field) =>
        asked switch
        {
            MachineView.Unspecified or MachineView.Basic => MachineView.Basic,
            MachineView.Full => MachineView.Full,
            _ => throw VmHostException.ForFaults([new(field, string.Create(CultureInfo.InvariantCulture, $"{(int)asked} is not a view that this version knows; use BASIC or FULL"))]),
        };
}
