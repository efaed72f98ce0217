using VmHost.LinuxKit;

namespace VmHost.Cli.Terminal;

internal sealed record BuildView(string[] Files, string Layout, BuiltFromView[] Images)
{
    internal static BuildView Of(BuildResult result) =>
        new([.. result.Files], result.Layout == LinuxKit.Configuration.Layout.Year2017 ? "2017" : "today", [.. result.Images.Select(image => new BuiltFromView(image.Image, image.Digest))]);
}

internal sealed record BuiltFromView(string Image, string Digest);

internal sealed record KeptImageView(string Image, string Digest, long SizeBytes, DateTimeOffset? LastUse)
{
    internal static KeptImageView Of(KeptImage image) => new(image.Name, image.Digest, image.Bytes, image.LastUse);
}
