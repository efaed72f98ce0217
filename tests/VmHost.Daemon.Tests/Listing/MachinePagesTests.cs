using System.Collections.Immutable;
using VmHost.Daemon.Api.Listing;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Daemon.Tests.Listing;

public sealed class MachinePagesTests
{
    private static readonly DateTimeOffset Begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Pages_hold_each_machine_once_whatever_is_created_and_deleted_meanwhile()
    {
        var machines = Enumerable.Range(0, 2000).Select(number => Snapshot(number)).ToImmutableArray();
        var seen = new List<string>();
        var request = new ListMachinesRequest { PageSize = 150 };
        var created = 5000;
        do
        {
            var page = MachinePages.Read(machines, request);
            seen.AddRange(page.Machines.Select(machine => machine.Name));
            request.PageToken = page.NextPageToken;

            // One that was listed already is deleted, and another is created.
            machines = machines.RemoveAll(machine => machine.Name == seen[^1]).Add(Snapshot(created++));
        }
        while (request.PageToken.Length > 0);

        Assert.Equal(seen.Count, seen.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(Enumerable.Range(0, 2000).Select(number => $"m{number}"), seen.Take(2000));
    }

    [Fact]
    public void A_page_is_shorter_than_what_clients_receive_by_default()
    {
        var machines = Enumerable.Range(0, 1000).Select(number => Snapshot(number, tail: new byte[4096])).ToImmutableArray();
        var all = 0;
        var request = new ListMachinesRequest { View = MachineView.Full };
        do
        {
            var page = MachinePages.Read(machines, request);
            Assert.InRange(page.CalculateSize(), 1, 4 << 20);
            all += page.Machines.Count;
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);

        Assert.Equal(1000, all);
    }

    [Fact]
    public void The_basic_view_has_no_files_no_tails_and_no_annotations()
    {
        ImmutableArray<MachineSnapshot> machines = [Snapshot(1, tail: [1, 2, 3])];

        var basic = MachinePages.Read(machines, new()).Machines[0];
        var full = MachinePages.Read(machines, new() { View = MachineView.Full }).Machines[0];

        Assert.Null(basic.Spec.Boot);
        Assert.Empty(basic.LastExit.ConsoleTail);
        Assert.Empty(basic.Annotations);
        Assert.Equal((full.Spec.CpuCount, full.Labels), (basic.Spec.CpuCount, basic.Labels));
        Assert.Equal("/boot/kernel", full.Spec.Boot.KernelPath);
        Assert.Equal([1, 2, 3], full.LastExit.ConsoleTail.ToByteArray());
        Assert.Equal("kept", full.Annotations["note"]);
    }

    [Theory]
    [InlineData("", "m0 m1 m2 m3")]
    [InlineData("state = RUNNING", "m0 m2")]
    [InlineData("state=machine_state_running", "m0 m2")]
    [InlineData("state != running", "m1 m3")]
    [InlineData("name = m1", "m1")]
    [InlineData("name:m", "m0 m1 m2 m3")]
    [InlineData("name:m1", "m1")]
    [InlineData("id = 000000000002", "m2")]
    [InlineData("labels.example.com/role = web", "m0 m1 m2")]
    [InlineData("labels.example.com/role:*", "m0 m1 m2")]
    [InlineData("labels.example.com/role != web", "m3")]
    [InlineData("labels.example.com/role:we AND state = RUNNING AND name != m0", "m2")]
    [InlineData("labels.empty = \"\"", "m0 m1 m2")]
    [InlineData("  labels.empty  =  \"\"  ", "m0 m1 m2")]
    [InlineData("name = \"m\\1\"", "m1")]
    public void A_filter_selects(string filter, string names) =>
        Assert.Equal(names, string.Join(' ', MachinePages.Read([.. Enumerable.Range(0, 4).Select(number => Snapshot(number))], new() { Filter = filter }).Machines.Select(machine => machine.Name)));

    [Theory]
    [InlineData("foo = 1", "has no field 'foo' (at character 1); the fields are name, id, state and labels.KEY")]
    [InlineData("labels. = 1", "has no field 'labels.'")]
    [InlineData("name", "wants =, != or : after name (at character 5)")]
    [InlineData("name > a", "wants =, != or :")]
    [InlineData("name =", "wants a value for name")]
    [InlineData("name = a OR name = b", "wants AND at character 10; only AND joins terms")]
    [InlineData("name = a AND", "has no field ''")]
    [InlineData("name = \"a", "has no end of the quoted value")]
    [InlineData("state = sleeping", "has no state 'sleeping'; the states are CREATED")]
    [InlineData("state:run", "compares a state by its begin")]
    public void What_is_not_a_filter_is_named_with_its_place(string filter, string problem) => AssertFault("filter", problem, new() { Filter = filter });

    [Fact]
    public void A_filter_is_bounded() => AssertFault("filter", "has more than 4096 bytes", new() { Filter = new string('x', 5000) });

    [Theory]
    [InlineData(-1)]
    [InlineData(1001)]
    public void A_page_size_out_of_range_is_refused(int size) => AssertFault("page_size", "must be 1 to 1000", new() { PageSize = size });

    [Theory]
    [InlineData("x")]
    [InlineData("eDp5")]
    [InlineData("====")]
    public void What_is_not_a_token_is_refused(string token) => AssertFault("page_token", "is not a token of this list", new() { PageToken = token });

    [Fact]
    public void A_token_of_another_filter_is_refused()
    {
        ImmutableArray<MachineSnapshot> machines = [Snapshot(1), Snapshot(2)];
        var token = MachinePages.Read(machines, new() { PageSize = 1 }).NextPageToken;

        AssertFault("page_token", "belongs to a list with another filter", new() { PageToken = token, Filter = "name = m1" });
    }

    [Fact]
    public void An_unknown_view_is_refused() => AssertFault("view", "7 is not a view", new() { View = (MachineView)7 });

    private static void AssertFault(string field, string problem, ListMachinesRequest request)
    {
        var fault = Assert.Single(Assert.Throws<VmHostException>(() => MachinePages.Read([], request)).Faults);
        Assert.Equal(field, fault.Field);
        Assert.StartsWith(problem, fault.Message, StringComparison.Ordinal);
    }

    // Every second one runs; the fourth has no labels.
    private static MachineSnapshot Snapshot(int number, byte[]? tail = null) =>
        new()
        {
            Id = $"{number:D12}",
            Name = $"m{number}",
            State = number % 2 == 0 ? VmHost.Machines.MachineState.Running : VmHost.Machines.MachineState.Stopped,
            CreatedAt = Begin.AddSeconds(number),
            Labels = number == 3 ? Labels.None : Labels.None.Add("example.com/role", "web").Add("empty", ""),
            Annotations = Labels.None.Add("note", "kept"),
            Spec = new()
            {
                Boot = new(null, "/boot/kernel", null, "console=ttyS0"),
                CpuCount = 2,
                Memory = ByteSize.FromMiB(256),
                PublishedPorts = [],
                Hypervisor = VmHost.Specs.HypervisorKind.Auto,
                Uuid = Guid.Empty,
            },
            LastExit = new ExitSummary
            {
                Boot = 1,
                Reason = VmHost.Hypervisors.ExitReason.PowerOff,
                Detail = "the guest powered off",
                Expected = true,
                EndedAt = Begin,
                ConsoleTail = tail ?? [],
                HypervisorLogTail = [],
            },
        };
}
