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

    [Fact]
    public async Task A_damaged_configuration_is_thrown_away_so_that_bringing_the_image_again_helps()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        var image = await images.LoadAsync("docker.io/t/a:1");
        var store = ImageStore.Open(images.StoreDirectory);
        foreach (var (_, path) in image.Blobs.Take(2)) // manifest and configuration
        {
            await File.WriteAllTextAsync(path, new string('x', (int)new FileInfo(path).Length), TestContext.Current.CancellationToken);

            Assert.Contains("it was damaged on this disk, and is thrown away; the next build pulls it again", Assert.Throws<LinuxKitException>(() => store.Find(ImageReference.Parse("t/a:1"), "amd64")).Message, StringComparison.Ordinal);
            Assert.Null(store.Find(ImageReference.Parse("t/a:1"), "amd64"));
            Assert.NotNull(await images.LoadAsync("docker.io/t/a:1"));
        }
    }

    [Fact]
    public async Task A_blob_that_comes_again_replaces_a_damaged_one()
    {
        using var images = new TestImages();
        var store = ImageStore.Open(images.StoreDirectory);
        var digest = store.WriteBlob("good"u8);
        await File.WriteAllTextAsync(store.BlobPath(digest), "evil", TestContext.Current.CancellationToken);

        store.WriteBlob("good"u8);

        Assert.Equal("good", await File.ReadAllTextAsync(store.BlobPath(digest), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task By_a_digest_an_image_is_found_under_any_name_of_its_repository()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a")).Add("docker.io/t/ab:1", new TestLayer().File("b"));
        var store = await images.LoadAsync();
        var (digest, other) = (store.Names()[0].Digest, store.Names()[1].Digest);

        Assert.NotNull(store.Find(ImageReference.Parse($"t/a:1@{digest}"), "amd64"));
        Assert.NotNull(store.Find(ImageReference.Parse($"t/a@{digest}"), "amd64"));
        Assert.NotNull(store.Find(ImageReference.Parse($"t/a:other@{digest}"), "amd64"));
        Assert.Null(store.Find(ImageReference.Parse($"t/a@{other}"), "amd64"));
        Assert.Null(store.Find(ImageReference.Parse($"other/a@{digest}"), "amd64"));
    }

    [Fact]
    public async Task Pruning_removes_what_killed_processes_left_and_nothing_that_is_held()
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        var store = await images.LoadAsync();
        string[] left = ["index.json.0123456789abcdef0123456789abcdef.new", "one-build/0123456789abcdef0123456789abcdef.lock", "one-build/0123456789abcdef0123456789abcdef/blobs/sha256/x"];
        string[] mine = ["index.json.mine.new", "mine"];
        foreach (var file in left.Concat(mine).Select(name => Path.Combine(images.StoreDirectory, name)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, "xxx", TestContext.Current.CancellationToken);
        }

        using var held = OneBuildStore.Create(images.Combine("other"));
        using (var running = OneBuildStore.Create(images.StoreDirectory)) // which sweeps too
        {
            Assert.All(left.Skip(1), name => Assert.False(Path.Exists(Path.Combine(images.StoreDirectory, name))));
            ImageStore.Open(running.Directory);

            var pruned = await new StorePruner(store).PruneAsync(null, CancellationToken.None);

            Assert.Equal(3, pruned!.FreedBytes);
            Assert.True(Directory.Exists(running.Directory));
        }

        Assert.False(Path.Exists(Path.Combine(images.StoreDirectory, left[0])));
        Assert.All(mine, name => Assert.True(Path.Exists(Path.Combine(images.StoreDirectory, name))));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(images.StoreDirectory, "one-build")));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("{\"manifests\":5}")]
    [InlineData("{\"manifests\":[],\"manifests\":[]}")]
    public async Task A_damaged_index_is_told_with_its_path_and_the_cure(string index)
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        var store = await images.LoadAsync();
        var path = Path.Combine(images.StoreDirectory, "index.json");
        await File.WriteAllTextAsync(path, index, TestContext.Current.CancellationToken);
        var catalog = new ImageCatalog(images.StoreDirectory);
        Func<Task>[] all =
        [
            () => Task.Run(() => catalog.List()),
            () => catalog.PruneAsync(null, CancellationToken.None),
            () => catalog.LoadAsync(images.Layout, null, CancellationToken.None),
            () => catalog.RemoveAsync("t/a:1", CancellationToken.None),
            () => Task.Run(() => store.Find(ImageReference.Parse("t/a:1"), "amd64")),
        ];

        var refused = new List<string>();
        foreach (var one in all)
            refused.Add((await Record.ExceptionAsync(one))?.Message ?? "nothing");

        // Where a key stands twice in it, only who would write it has to say so.
        Assert.All(index.Split("manifests").Length == 3 ? refused.Skip(2).Take(2) : refused, message => Assert.Matches($"^{path} is damaged: .*; remove it, and pull or load your images again", message));
    }
}
