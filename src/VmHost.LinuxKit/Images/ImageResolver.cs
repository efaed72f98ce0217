using VmHost.LinuxKit.Registries;

namespace VmHost.LinuxKit.Images;

/// <summary>From the names in a YAML to images that are here: from the store, else from a registry, all beside each other.</summary>
/// <param name="store">Looked in first.</param>
/// <param name="puller">For what is not there.</param>
/// <param name="architecture">That is built for.</param>
internal sealed class ImageResolver(ImageStore store, ImagePuller puller, string architecture)
{
    /// <param name="names">As they were written.</param>
    /// <param name="always">Ask the registry also for what is here.</param>
    /// <param name="pin">Null, or turns a name into one with a digest.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="LinuxKitException">Some cannot be had: a sentence for each.</exception>
    internal async Task<IReadOnlyDictionary<string, Image>> ResolveAsync(IReadOnlyList<string> names, bool always, Func<ImageReference, ImageReference>? pin, CancellationToken ct)
    {
        // Two spellings of one image are pulled once.
        var pulls = new Dictionary<string, Task<Image>>(StringComparer.Ordinal);
        var faults = new List<string>();
        foreach (var name in names)
        {
            try
            {
                var reference = ImageReference.Parse(name);
                if (!pulls.ContainsKey(reference.ToString()))
                    pulls.Add(reference.ToString(), FindAsync(reference, pin is null ? reference : pin(reference), always, ct));
            }
            catch (LinuxKitException e)
            {
                faults.AddRange(e.Faults);
            }
        }

        foreach (var pull in pulls.Values)
        {
            try
            {
                await pull;
            }
            catch (LinuxKitException e)
            {
                faults.AddRange(e.Faults);
            }
        }

        if (faults.Count > 0)
            throw new LinuxKitException(faults);

        var images = new Dictionary<string, Image>(StringComparer.Ordinal);
        foreach (var name in names)
            images[name] = await pulls[ImageReference.Parse(name).ToString()];
        return images;
    }

    private async Task<Image> FindAsync(ImageReference written, ImageReference wanted, bool always, CancellationToken ct)
    {
        // A tag that is here and points to the digest that is wanted will do.
        var here = always && wanted.Digest is null ? null
            : store.Find(wanted, architecture) ?? (store.Find(written, architecture) is { } tagged && tagged.Top.Digest == wanted.Digest ? tagged : null);
        var image = here ?? await puller.PullAsync(wanted, architecture, ct);
        store.Touch(image);
        return image with { Name = written.ToString() };
    }
}
