using System.Text;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Tests.Images;

/// <summary>Which entry of an index is the image.</summary>
public sealed class IndexPlatformTests
{
    private const string First = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string Second = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    [Fact]
    public void The_only_entry_counts_also_without_a_platform() =>
        Assert.Equal(First, Index((First, null)).ForArchitecture("amd64", "it").Digest);

    [Fact]
    public void An_entry_for_the_platform_comes_before_one_without() =>
        Assert.Equal(Second, Index((First, null), (Second, "amd64")).ForArchitecture("amd64", "it").Digest);

    [Fact]
    public void Of_several_without_a_platform_none_is_chosen() =>
        Assert.Contains("it has none", Assert.Throws<LinuxKitException>(() => Index((First, null), (Second, null)).ForArchitecture("amd64", "it")).Message, StringComparison.Ordinal);

    [Fact]
    public void The_only_entry_is_not_chosen_for_another_platform() =>
        Assert.Contains("it has linux/arm64", Assert.Throws<LinuxKitException>(() => Index((First, "arm64")).ForArchitecture("amd64", "it")).Message, StringComparison.Ordinal);

    private static Manifest Index(params (string Digest, string? Architecture)[] entries)
    {
        var manifests = entries.Select(entry => entry.Architecture is { } architecture
            ? $$$"""{"digest": "{{{entry.Digest}}}", "size": 7, "platform": {"os": "linux", "architecture": "{{{architecture}}}"}}"""
            : $$"""{"digest": "{{entry.Digest}}", "size": 7}""");
        return Manifest.Parse(Encoding.UTF8.GetBytes($$"""{"schemaVersion": 2, "manifests": [{{string.Join(", ", manifests)}}]}"""), "it");
    }
}
