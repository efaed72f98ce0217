using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed class FeaturesTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    [Fact]
    public async Task Each_feature_is_reported_once_and_described()
    {
        var features = (await fixture.Client.Host.GetHostInfoAsync(new())).Features;

        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "api", "README.md"), TestContext.Current.CancellationToken);
        Assert.Equal(features.Order(StringComparer.Ordinal).Distinct(StringComparer.Ordinal), features);
        Assert.NotEmpty(features);
        Assert.All(features, feature => Assert.Contains($"`{feature}`", page, StringComparison.Ordinal));
    }
}
