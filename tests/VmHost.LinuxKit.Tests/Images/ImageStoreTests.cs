using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Tests.Images;

/// <summary>The store: what comes in from files, what several processes do at once, what is freed.</summary>
public sealed class ImageStoreTests
{
    [Fact]
    public async Task A_layout_is_loaded_and_found()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a")).Add("docker.io/t/b:2", new TestLayer().File("b"));

        var store = await images.LoadAsync();

        Assert.Equal(["docker.io/t/a:1", "docker.io/t/b:2"], store.Names().Select(one => one.Name));
        Assert.NotNull(store.Find(ImageReference.Parse("t/a:1"), "amd64"));
        Assert.Null(store.Find(ImageReference.Parse("t/a:2"), "amd64"));
        Assert.Contains("is for amd64, and arm64 is built for", Assert.Throws<LinuxKitException>(() => store.Find(ImageReference.Parse("t/a:1"), "arm64")).Message, StringComparison.Ordinal);
    }

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

    [Fact]
    public async Task Names_that_are_added_at_once_are_all_there()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        var store = await images.LoadAsync();
        var top = store.Names().Single();

        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() => ImageStore.Open(images.StoreDirectory).NameAsync($"docker.io/t/n{i}:1", top, CancellationToken.None))));

        Assert.Equal(51, store.Names().Count);
    }

    [Fact]
    public async Task What_no_name_needs_is_freed_and_the_rest_stays_whole()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a", "aaa")).Add("docker.io/t/b:1", new TestLayer().File("b", "bbb"));
        var store = await images.LoadAsync();
        Assert.Equal(1, await store.RemoveAsync(["docker.io/t/a:1"], CancellationToken.None));
        Assert.Equal(0, await store.RemoveAsync(["docker.io/t/a:1"], CancellationToken.None));

        var pruned = await new StorePruner(store).PruneAsync(null, CancellationToken.None);

        Assert.True(pruned!.FreedBytes > 0);
        Assert.NotNull(store.Find(ImageReference.Parse("t/b:1"), "amd64"));
        Assert.Equal(3, Directory.GetFiles(Path.Combine(images.StoreDirectory, "blobs", "sha256")).Length);
    }

    [Fact]
    public async Task The_longest_unused_goes_first()
    {
        using var images = new TestImages().Add("docker.io/t/old:1", new TestLayer().File("a", "aaa")).Add("docker.io/t/new:1", new TestLayer().File("b", "bbb"));
        var store = await images.LoadAsync();
        File.SetLastWriteTimeUtc(store.BlobPath(store.Names().Single(one => one.Name == "docker.io/t/old:1").Digest), DateTime.UnixEpoch);
        var one = new StorePruner(store).TryBlobs(store.Names()[0])!.Sum(blob => blob.Size);

        var pruned = await new StorePruner(store).PruneAsync(one + 100, CancellationToken.None);

        Assert.Equal(["docker.io/t/old:1"], pruned!.Names);
        Assert.Equal(["docker.io/t/new:1"], store.Names().Select(name => name.Name));
    }

    [Fact]
    public async Task Nothing_is_pruned_while_a_build_uses_it()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        var store = await images.LoadAsync();

        using (await store.UseAsync(CancellationToken.None))
        {
            using var second = await store.UseAsync(CancellationToken.None);
            Assert.Null(await new StorePruner(store).PruneAsync(0, CancellationToken.None));
        }

        Assert.NotNull(await new StorePruner(store).PruneAsync(0, CancellationToken.None));
        Assert.Empty(store.Names());
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

    [Fact]
    public async Task What_other_tools_wrote_into_the_index_stays()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a")).Add("docker.io/t/b:1", new TestLayer().File("b"));
        var store = await images.LoadAsync();
        var path = Path.Combine(images.StoreDirectory, "index.json");
        var index = System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken))!;
        index["manifests"]![1]!["annotations"] = new System.Text.Json.Nodes.JsonObject { ["other"] = "kept" };
        index["more"] = "kept";
        await File.WriteAllTextAsync(path, index.ToString(), TestContext.Current.CancellationToken);

        await store.NameAsync("docker.io/t/c:1", store.Names()[0], CancellationToken.None);
        await store.RemoveAsync(["docker.io/t/a:1"], CancellationToken.None);
        await new StorePruner(store).PruneAsync(0, CancellationToken.None);

        var after = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal(2, after.Split("kept").Length - 1);
        Assert.Empty(store.Names());
        Assert.Equal(3, Directory.GetFiles(Path.Combine(images.StoreDirectory, "blobs", "sha256")).Length); // of the one that has no name
    }

    [Fact]
    public async Task A_damaged_manifest_is_shown_and_pruned_and_the_others_stay()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a")).Add("docker.io/t/b:1", new TestLayer().File("b"));
        var store = await images.LoadAsync();
        var manifest = store.BlobPath(store.Names()[0].Digest);
        await File.WriteAllTextAsync(manifest, new string('x', (int)new FileInfo(manifest).Length), TestContext.Current.CancellationToken);

        Assert.Equal([true, false], new ImageCatalog(images.StoreDirectory).List().Select(image => image.IsDamaged));
        Assert.Equal(["docker.io/t/a:1"], (await new StorePruner(store).PruneAsync(null, CancellationToken.None))!.Names);
        Assert.NotNull(store.Find(ImageReference.Parse("t/b:1"), "amd64"));
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
}
