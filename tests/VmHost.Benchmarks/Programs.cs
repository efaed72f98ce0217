using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>Programs that <c>scripts/bench</c> publishes for measuring only.</summary>
internal static class Programs
{
    /// <summary>NativeAOT, so that its own start is short.</summary>
    internal static string FakeHypervisor => Path.Combine(Repository.Root, "artifacts", "publish-linux-x64", "FakeHypervisor", "fakehv");
}
