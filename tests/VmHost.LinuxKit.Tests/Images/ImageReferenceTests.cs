using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Tests.Images;

public sealed class ImageReferenceTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("redis", "docker.io/library/redis:latest")]
    [InlineData("redis:3.0.7-alpine", "docker.io/library/redis:3.0.7-alpine")]
    [InlineData("linuxkit/kernel:4.9.x", "docker.io/linuxkit/kernel:4.9.x")]
    [InlineData("a/b/c", "docker.io/a/b/c:latest")]
    [InlineData("ghcr.io/me/x", "ghcr.io/me/x:latest")]
    [InlineData("localhost/x", "localhost/x:latest")]
    [InlineData("127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1")]
    [InlineData("host:5000/x", "host:5000/x:latest")]
    [InlineData("index.docker.io/library/redis", "docker.io/library/redis:latest")]
    [InlineData("redis@" + Digest, "docker.io/library/redis@" + Digest)]
    [InlineData("redis:7@" + Digest, "docker.io/library/redis:7@" + Digest)]
    [InlineData("a__b/c-d.e:X_1", "docker.io/a__b/c-d.e:X_1")]
    public void It_is_expanded(string name, string full) => Assert.Equal(full, ImageReference.Parse(name).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("Redis")]
    [InlineData("redis:")]
    [InlineData("redis:-x")]
    [InlineData("redis@sha256:12")]
    [InlineData("redis@md5:12")]
    [InlineData("/redis")]
    [InlineData("a//b")]
    [InlineData("../../etc/passwd")]
    [InlineData("a b")]
    [InlineData("http://host/x")]
    [InlineData("a:1:2")]
    [InlineData("localhost:99999/x")]
    public void It_is_refused(string name) => Assert.Contains("is no image's name", Assert.Throws<LinuxKitException>(() => ImageReference.Parse(name)).Message, StringComparison.Ordinal);
}
