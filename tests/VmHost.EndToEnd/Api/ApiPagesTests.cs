using Google.Protobuf.Reflection;
using VmHost.TestKit;

namespace VmHost.EndToEnd.Api;

/// <summary>The pages in docs/api that are made of the descriptors are as the published descriptor set says.</summary>
public sealed class ApiPagesTests
{
    private const string Update = "VMHOST_UPDATE_GOLDEN";

    public static TheoryData<string> Files => [.. Ours().Select(static file => file.Name)];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_page_is_current(string name)
    {
        var file = Ours().Single(file => file.Name == name);
        var page = ApiPage.Render(file).TrimEnd('\n') + "\n";
        var path = Path.Combine(Repository.Root, "docs", "api", ApiPage.NameOf(file));
        if (Environment.GetEnvironmentVariable(Update) == "1")
            File.WriteAllText(path, page);

        Assert.True(File.Exists(path) && File.ReadAllText(path) == page, $"{path} is not current; run scripts/publish, then this test with {Update}=1");
    }

    private static IEnumerable<FileDescriptorProto> Ours() =>
        FileDescriptorSet.Parser.ParseFrom(File.ReadAllBytes(Repository.Published("vmhost-v1.binpb"))).File.Where(static file => file.Package == "vmhost.v1");
}
