using VmHost.LinuxKit.Assembly;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Outputs;
using VmHost.LinuxKit.Registries;

namespace VmHost.LinuxKit;

/// <summary>From LinuxKit's YAML to kernel, initrd and command line.</summary>
/// <param name="progress">Hears how it goes on.</param>
public sealed class ImageBuilder(IBuildProgress progress)
{
    /// <summary>The file of digests beside a YAML: <c>linux-redis.lock.json</c>.</summary>
    /// <param name="yaml">Path of the YAML.</param>
    public static string LockPathFor(string yaml) => LockFile.PathFor(yaml);

    /// <summary>Builds one image. The same YAML and digests give the same bytes.</summary>
    /// <param name="request">What from, and where to.</param>
    /// <param name="ct">Ends it; nothing is left but what was pulled.</param>
    /// <exception cref="LinuxKitException">It cannot be built: every reason that was found.</exception>
    /// <exception cref="IOException">The output cannot be written.</exception>
    public async Task<BuildResult> BuildAsync(BuildRequest request, CancellationToken ct)
    {
        var configuration = ConfigurationReader.Read(request.Texts);
        foreach (var note in configuration.Notes)
            progress.Note(note);
        var formats = OutputFormats.Parse(request.Formats ?? (configuration.Outputs is { Count: > 0 } outputs ? outputs : ["kernel+initrd"]));

        var store = ImageStore.Open(request.StoreDirectory);
        using var inUse = await store.UseAsync(ct);
        var images = await ResolveAsync(store, configuration, request, ct);
        return await Task.Run(() => BuildAsync(configuration, images, formats, request, ct), ct);
    }

    private async Task<IReadOnlyDictionary<string, Image>> ResolveAsync(ImageStore store, ImageConfiguration configuration, BuildRequest request, CancellationToken ct)
    {
        using var registries = new RegistryClient(Mirrors.Parse(request.Mirrors), Credentials.OfUser(), TimeProvider.System);
        using var puller = new ImagePuller(store, registries, progress);
        var locked = request is { Locked: true, LockPath: not null } ? LockFile.Read(request.LockPath) : null;
        Func<ImageReference, ImageReference>? pin = locked is null ? null : reference => locked.Pin(reference, request.LockPath!);
        return await new ImageResolver(store, puller, request.Architecture).ResolveAsync(configuration.ImageNames, request.Pull, pin, ct);
    }

    private async Task<BuildResult> BuildAsync(ImageConfiguration configuration, IReadOnlyDictionary<string, Image> images, IReadOnlyList<OutputFormat> formats, BuildRequest request, CancellationToken ct)
    {
        var root = new RootFileSystem(configuration, images, new(request.Layout, request.Architecture, request.WorkingDirectory, request.Home, request.Limits));
        foreach (var note in root.Notes)
            progress.Note(note);
        if (request is { LockPath: not null, Locked: false, DryRun: false })
            LockFile.Write(request.LockPath, images.Values.DistinctBy(image => image.Name));

        var from = images.Values.DistinctBy(image => image.Name).OrderBy(image => image.Name, StringComparer.Ordinal).Select(image => new BuiltFrom(image.Name, image.Top.Digest)).ToList();
        if (request.DryRun)
            return new([], root.Layout, from);

        var directory = Directory.CreateDirectory(request.OutputDirectory).FullName;
        var inputs = BuildStamp.InputsOf(request, root.Layout, formats, configuration, images.Values);
        if (request.OnlyIfChanged && (await BuildStamp.LastBuildAsync(directory, request.Name, ct)).For(inputs) is { } current)
            return new(current, root.Layout, from);

        var output = new ImageOutput(directory, request.Name, root.Layout, request.Compression, request.Threads);
        var files = await output.WriteAsync(root.Entries(progress.Doing), formats, inputs, ct);
        progress.Doing("Create outputs:");
        progress.Doing(output.Announcement(formats));
        return new(files, root.Layout, from);
    }
}
