using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Tests.Images;

/// <summary>Images from directories and archives, good ones and others.</summary>
public sealed class ImageLoaderTests
{
    [Fact]
    public async Task A_damaged_blob_is_not_taken_in()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a", new string('x', 1000)));
        var largest = new DirectoryInfo(Path.Combine(images.Layout, "blobs", "sha256")).GetFiles().MaxBy(file => file.Length)!;
        var bytes = await File.ReadAllBytesAsync(largest.FullName, TestContext.Current.CancellationToken);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(largest.FullName, bytes, TestContext.Current.CancellationToken);

        Assert.Contains($"the blob sha256:{largest.Name} is damaged", (await Assert.ThrowsAsync<LinuxKitException>(images.LoadAsync)).Message, StringComparison.Ordinal);
        Assert.Empty(ImageStore.Open(images.StoreDirectory).Names());
    }

    [Theory]
    [InlineData("docker.io/t/a:1", "docker.io/t/a:1")]
    [InlineData("t/a", "docker.io/t/a:latest")]
    public async Task An_archive_of_docker_save_is_loaded(string tag, string full)
    {
        using var images = new TestImages();
        var layer = new TestLayer().File("a", "content").Tar();
        var config = $$$"""{"architecture":"amd64","config":{"Cmd":["x"]},"rootfs":{"type":"layers","diff_ids":["{{{TestImages.Digest(layer)}}}"]}}""";
        var archive = images.Combine("saved.tar");
        await File.WriteAllBytesAsync(archive, new TestLayer().File("c.json", config).File("l/layer.tar", System.Text.Encoding.Latin1.GetString(layer)).Symlink("m/layer.tar", "../l/layer.tar")
            .File("manifest.json", $$"""[{"Config":"c.json","RepoTags":["{{tag}}"],"Layers":["m/layer.tar"]}]""").Tar(), TestContext.Current.CancellationToken);
        var store = ImageStore.Open(images.StoreDirectory);

        Assert.Equal([full], await new ImageLoader(store).LoadAsync(archive, null, CancellationToken.None));
        Assert.Equal(["x"], store.Find(ImageReference.Parse(full), "amd64")!.Settings.Command);
    }

    [Fact]
    public async Task A_tar_of_a_layout_is_loaded()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        var archive = images.Combine("oci.tar");
        await System.Formats.Tar.TarFile.CreateFromDirectoryAsync(images.Layout, archive, includeBaseDirectory: false, TestContext.Current.CancellationToken);
        var store = ImageStore.Open(images.StoreDirectory);

        Assert.Equal(["docker.io/t/a:1"], await new ImageLoader(store).LoadAsync(archive, null, CancellationToken.None));
        Assert.NotNull(store.Find(ImageReference.Parse("t/a:1"), "amd64"));
    }

    [Fact]
    public async Task An_image_with_a_tag_alone_wants_a_name()
    {
        using var images = new TestImages().Add("latest", new TestLayer().File("a"));
        var loader = new ImageLoader(ImageStore.Open(images.StoreDirectory));

        Assert.Contains("calls its image 'latest', which is no full name; give it one with --name", (await Assert.ThrowsAsync<LinuxKitException>(() => loader.LoadAsync(images.Layout, null, CancellationToken.None))).Message, StringComparison.Ordinal);
        Assert.Equal(["docker.io/t/a:1"], await loader.LoadAsync(images.Layout, "t/a:1", CancellationToken.None));
    }

    [Fact]
    public async Task Of_an_image_for_several_processors_one_is_enough()
    {
        var tar = new TestLayer().File("a").Tar();
        using var images = new TestImages().Add("amd64", "unused", [], [(tar, tar)]).AsIndex("docker.io/t/many:1", "amd64");
        var archive = images.Combine("oci.tar");
        await System.Formats.Tar.TarFile.CreateFromDirectoryAsync(images.Layout, archive, includeBaseDirectory: false, TestContext.Current.CancellationToken);

        // The attestation beside it is in neither.
        foreach (var path in (string[])[images.Layout, archive])
            Assert.Equal(["docker.io/t/many:1"], await new ImageLoader(ImageStore.Open(images.Combine(Path.GetFileName(path) + ".store"))).LoadAsync(path, null, CancellationToken.None));
    }

    [Fact]
    public async Task An_image_of_which_nothing_is_there_is_refused()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        foreach (var blob in new DirectoryInfo(Path.Combine(images.Layout, "blobs", "sha256")).GetFiles().OrderBy(file => file.Length).Take(1))
            blob.Delete();

        Assert.Contains("lacks blobs of docker.io/t/a:1", (await Assert.ThrowsAsync<LinuxKitException>(images.LoadAsync)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[{\"Config\":\"x\"}]")]
    [InlineData("[5]")]
    [InlineData("[")]
    public async Task A_docker_archive_that_makes_no_sense_is_told_with_its_path(string manifest)
    {
        using var images = new TestImages();
        var archive = images.Combine("saved.tar");
        await File.WriteAllBytesAsync(archive, new TestLayer().File("x", "{}").File("manifest.json", manifest).Tar(), TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => new ImageLoader(ImageStore.Open(images.StoreDirectory)).LoadAsync(archive, null, CancellationToken.None));
        Assert.StartsWith(archive, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_holds_no_image_is_refused()
    {
        using var images = new TestImages();
        var archive = images.Combine("other.tar");
        await File.WriteAllBytesAsync(archive, new TestLayer().File("x", "y").Tar(), TestContext.Current.CancellationToken);
        var loader = new ImageLoader(ImageStore.Open(images.StoreDirectory));

        Assert.Contains("holds neither an OCI layout", (await Assert.ThrowsAsync<LinuxKitException>(() => loader.LoadAsync(archive, null, CancellationToken.None))).Message, StringComparison.Ordinal);
        Assert.Contains("is no OCI layout", (await Assert.ThrowsAsync<LinuxKitException>(() => loader.LoadAsync(images.StoreDirectory, null, CancellationToken.None))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task A_packed_archive_is_loaded(string packing)
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        var archive = images.Combine("oci.tar");
        await System.Formats.Tar.TarFile.CreateFromDirectoryAsync(images.Layout, archive, includeBaseDirectory: false, TestContext.Current.CancellationToken);
        var tar = await File.ReadAllBytesAsync(archive, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(archive, packing == "gzip" ? TestLayer.Gzip(tar) : TestLayer.Zstd(tar), TestContext.Current.CancellationToken);

        Assert.Equal(["docker.io/t/a:1"], await new ImageLoader(ImageStore.Open(images.StoreDirectory)).LoadAsync(archive, null, CancellationToken.None));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task A_packed_archive_that_is_cut_off_is_told_with_its_path(string packing)
    {
        using var images = new TestImages();
        var tar = new TestLayer().File("x", new string('y', 100_000)).Tar();
        var packed = packing == "gzip" ? TestLayer.Gzip(tar) : TestLayer.Zstd(tar);
        var archive = images.Combine("cut");
        await File.WriteAllBytesAsync(archive, packed[..(packed.Length / 2)], TestContext.Current.CancellationToken);

        Assert.StartsWith($"{archive}: ", await RefusalAsync(images, archive), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_whose_metadata_would_fill_the_memory_is_refused()
    {
        using var images = new TestImages();
        var archive = images.Combine("big.tar");
        await using (var file = File.Create(archive))
        {
            file.Write(new RawTar().Header("x"u8.ToArray(), 'x', 600 << 20).Bytes());
            file.SetLength(700 << 20); // with a hole
        }

        Assert.Contains("629145600 bytes of metadata; more than 1048576 are in no honest image", await RefusalAsync(images, archive), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_refused_leaves_nothing_in_the_store_and_takes_nothing_from_it()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a", "aaa"));
        await images.LoadAsync();
        var before = Files(images);
        images.Add("docker.io/t/b:1", new TestLayer().File("b", "bbb"));
        File.Delete(Path.Combine(images.Layout, "index.json"));
        var noIndex = images.Combine("no-index.tar");
        await System.Formats.Tar.TarFile.CreateFromDirectoryAsync(images.Layout, noIndex, includeBaseDirectory: false, TestContext.Current.CancellationToken);

        await RefusalAsync(images, noIndex);
        Assert.Equal(before, Files(images));

        // An index, and one blob too few.
        images.Add("docker.io/t/c:1", new TestLayer().File("c", "ccc"));
        foreach (var blob in new DirectoryInfo(Path.Combine(images.Layout, "blobs", "sha256")).GetFiles().OrderByDescending(file => file.LastWriteTimeUtc).Take(1))
            blob.Delete();
        await RefusalAsync(images, images.Layout);
        Assert.Equal(before, Files(images));
    }

    private static IReadOnlyList<string> Files(TestImages images) =>
        [.. Directory.GetFiles(images.StoreDirectory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static async Task<string> RefusalAsync(TestImages images, string path) =>
        (await Assert.ThrowsAsync<LinuxKitException>(() => new ImageLoader(ImageStore.Open(images.StoreDirectory)).LoadAsync(path, null, CancellationToken.None))).Message;
}
