using System.Text.Json.Nodes;
using VmHost.Hypervisors;
using VmHost.ShimContract.Records;
using VmHost.Specs;
using VmHost.State;
using VmHost.TestKit;

namespace VmHost.Tests.State;

/// <summary>Members of machine.json that a newer version wrote.</summary>
public sealed class UnknownMembersTests : IDisposable
{
    private const string Id = "0123456789ab";
    private const string Future = "of_a_newer_version";

    private readonly TemporaryDirectory _directory = new();
    private readonly StateDirectory _state;
    private readonly MachineStore _store;

    public UnknownMembersTests()
    {
        _state = StateDirectory.Open(_directory.Combine("s"), TimeProvider.System);
        _store = new MachineStore(_state);
        _store.Save(Record());
    }

    private string FilePath => Path.Combine(_store.DirectoryOf(Id), RecordFile.Machine);

    [Fact]
    public void They_are_kept_in_each_object_when_the_record_is_written_again()
    {
        var json = JsonNode.Parse(File.ReadAllText(FilePath))!;
        var extended = Extend(json, "$").ToList();
        Assert.Superset(
            new HashSet<string> { "$", "$.spec", "$.spec.boot", "$.spec.network", "$.spec.disks[0]", "$.spec.published_ports[0]", "$.boot", "$.last_exit", "$.restart", "$.retry" },
            extended.ToHashSet());
        File.WriteAllText(FilePath, json.ToJsonString());

        var record = _store.LoadAll().Single().Record!;
        _store.Save(record with { Seq = record.Seq + 1, RestDetail = "changed" });

        var after = JsonNode.Parse(File.ReadAllText(FilePath))!;
        Assert.Equal(8, after["seq"]!.GetValue<long>());
        json["seq"] = 8;
        json["rest_detail"] = "changed";
        Assert.True(JsonNode.DeepEquals(json, after), after.ToJsonString());
        Assert.Equal(MachineRecord.CurrentSchema, after["schema"]!.GetValue<int>());
    }

    [Fact]
    public void They_make_no_difference_to_what_the_record_says()
    {
        var json = JsonNode.Parse(File.ReadAllText(FilePath))!;
        var before = _store.LoadAll().Single().Record!;
        Assert.NotEmpty(Extend(json, "$").ToList());
        File.WriteAllText(FilePath, json.ToJsonString());

        var after = _store.LoadAll().Single().Record!;

        Assert.Equal(before.Spec, after.Spec);
        Assert.Equal((before.Restart, before.Retry), (after.Restart, after.Retry));
    }

    public void Dispose()
    {
        _state.Dispose();
        _directory.Dispose();
    }

    // An amount of memory is one number in an object, and gets no further members.
    private static IEnumerable<string> Extend(JsonNode node, string path)
    {
        if (node is JsonArray array)
        {
            for (var index = 0; index < array.Count; index++)
            {
                foreach (var one in Extend(array[index]!, $"{path}[{index}]"))
                    yield return one;
            }
        }

        if (node is not JsonObject members || path == "$.spec.memory")
            yield break;

        foreach (var (name, value) in members.ToList())
        {
            if (value is not null)
            {
                foreach (var one in Extend(value, $"{path}.{name}"))
                    yield return one;
            }
        }

        members[Future] = new JsonObject { ["value"] = new JsonArray(1, "two", null) };
        yield return path;
    }

    private static MachineRecord Record() =>
        new()
        {
            Schema = MachineRecord.CurrentSchema,
            Seq = 7,
            Id = Id,
            Name = "one",
            Spec = new()
            {
                Boot = new(null, "/k", null, "quiet"),
                CpuCount = 1,
                Memory = ByteSize.FromMiB(64),
                PublishedPorts = [new("127.0.0.1", 80, 80, PortProtocol.Tcp)],
                Hypervisor = HypervisorKind.Qemu,
                Uuid = Guid.Empty,
                Network = new(NetworkMode.Nat),
                Disks = [new("/d", DiskFormat.Raw, false)],
            },
            CreatedAt = DateTimeOffset.UnixEpoch,
            Boot = new(1, "n", "h", HypervisorKind.Qemu, "/q", ["-a"], DateTimeOffset.UnixEpoch),
            LastExit = new() { Boot = 1, Reason = ExitReason.PowerOff, Detail = "", Expected = true, EndedAt = DateTimeOffset.UnixEpoch, ConsoleTail = [], HypervisorLogTail = [] },
            Restart = new(RestartMode.OnFailure, 3),
            Retry = new(2, DateTimeOffset.UnixEpoch),
        };
}
