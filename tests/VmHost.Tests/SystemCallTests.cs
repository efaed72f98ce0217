using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using VmHost.TestKit;

namespace VmHost.Tests;

/// <summary>VmHost.Posix is the only project that calls the operating system's functions, and depends on no other.</summary>
public sealed class SystemCallTests
{
    private const string Posix = "VmHost.Posix";

    // VmHost.Client compiles a few files of VmHost.Posix; this type is the only one of them with a P/Invoke.
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["VmHost.Client"] = ["VmHost.Posix.User.EffectiveId"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(directory => Path.GetFileName(directory))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Only_Posix_has_P_Invokes(string project)
    {
        var methods = PlatformInvokes(Repository.Assembly(project, AssemblyName(project)));
        if (project == Posix)
            Assert.Contains("VmHost.Posix.ProcessSpawn.Spawn", methods);
        else
            Assert.Equal(Allowed.GetValueOrDefault(project, []), methods);
    }

    [Fact]
    public void Posix_depends_on_no_other_project() =>
        Assert.DoesNotContain(
            typeof(VmHost.Posix.Descriptor).Assembly.GetReferencedAssemblies(),
            reference => reference.Name!.StartsWith("VmHost", StringComparison.Ordinal));

    private static string AssemblyName(string project) =>
        XDocument.Load(Path.Combine(Repository.Root, "src", project, $"{project}.csproj"))
            .Descendants("AssemblyName").SingleOrDefault()?.Value ?? project;

    // A generated P/Invoke is a local function of the method that was declared: its name is that method's in angle brackets.
    private static string[] PlatformInvokes(string path)
    {
        using var file = new PEReader(File.OpenRead(path));
        var metadata = file.GetMetadataReader();
        var names =
            from handle in metadata.MethodDefinitions
            let method = metadata.GetMethodDefinition(handle)
            where method.Attributes.HasFlag(MethodAttributes.PinvokeImpl)
            let type = metadata.GetTypeDefinition(method.GetDeclaringType())
            let name = metadata.GetString(method.Name)
            select $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}.{(name.StartsWith('<') ? name[1..name.IndexOf('>', StringComparison.Ordinal)] : name)}";
        return [.. names.Order(StringComparer.Ordinal)];
    }
}
