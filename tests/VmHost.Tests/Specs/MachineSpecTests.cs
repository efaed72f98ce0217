using System.Text.Json;
using System.Text.Json.Serialization;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed partial class MachineSpecTests
{
    private static MachineSpec Spec => new()
    {
        Boot = new("/demo", "/demo-kernel", null, "quiet"),
        CpuCount = 2,
        Memory = ByteSize.FromMiB(256),
        PublishedPorts = [new("127.0.0.1", 8080, 80, PortProtocol.Tcp)],
        Hypervisor = HypervisorKind.Qemu,
        Uuid = Guid.Parse("1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
    };

    [Fact]
    public void Two_of_equal_values_are_equal()
    {
        Assert.Equal(Spec, Spec);
        Assert.Equal(Spec.GetHashCode(), Spec.GetHashCode());
    }

    [Fact]
    public void Another_port_makes_another_spec() =>
        Assert.NotEqual(Spec, Spec with { PublishedPorts = [new("127.0.0.1", 8080, 81, PortProtocol.Tcp)] });

    [Fact]
    public void No_ports_and_an_unset_list_are_the_same() =>
        Assert.Equal(Spec with { PublishedPorts = [] }, Spec with { PublishedPorts = default });

    [Fact]
    public void It_comes_back_from_json_as_it_was()
    {
        var json = JsonSerializer.Serialize(Spec, SpecJson.Default.MachineSpec);

        Assert.Contains("\"Memory\":{\"Bytes\":268435456}", json, StringComparison.Ordinal);
        Assert.Equal(Spec, JsonSerializer.Deserialize(json, SpecJson.Default.MachineSpec));
    }

    [JsonSerializable(typeof(MachineSpec))]
    private sealed partial class SpecJson : JsonSerializerContext;
}
