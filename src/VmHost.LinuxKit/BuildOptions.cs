using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit;

/// <summary>What decides which bytes a build writes, beside YAML and images.</summary>
/// <param name="Layout">Which generation's files.</param>
/// <param name="Architecture">In Go's words: <c>amd64</c>, <c>arm64</c>.</param>
/// <param name="Directory">What relative sources of <c>files</c> are relative to.</param>
/// <param name="Home">What <c>~</c> stands for in them.</param>
/// <param name="Limits">What one image may cost.</param>
internal sealed record BuildOptions(Layout Layout, string Architecture, string Directory, string Home, LayerLimits Limits);
