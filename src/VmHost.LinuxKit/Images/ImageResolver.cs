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
        // Two spellings of one image are one. First all are found, since that is cheap and most mistakes show there.
        var faults = new List<string>();
        var found = new Dictionary<string, Task<FoundOrHere>>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            try
            {
                var reference = ImageReference.Parse(name);
                if (!found.ContainsKey(reference.ToString()))
                    found.Add(reference.ToString(), FindAsync(pin is null ? reference : pin(reference), always, ct));
            }
            catch (LinuxKitException e)
            {
                faults.AddRange(e.Faults);
            }
        }

        var all = await FinishedAsync(found, faults);
        var images = await FinishedAsync(all.ToDictionary(pair => pair.Key, pair => CompleteAsync(pair.Key, pair.Value, ct), StringComparer.Ordinal), faults);
        return names.Distinct(StringComparer.Ordinal).ToDictionary(name => name, name => images[ImageReference.Parse(name).ToString()], StringComparer.Ordinal);
    }

    // Waits for all, so that every fault is told at once.
    private static async Task<Dictionary<string, T>> FinishedAsync<T>(Dictionary<string, Task<T>> tasks, List<string> faults)
    {
        var done = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var (key, task) in tasks)
        {
            try
            {
                done.Add(key, await task);
            }
            catch (LinuxKitException e)
            {
                faults.AddRange(e.Faults);
            }
        }

        return faults.Count == 0 ? done : throw new LinuxKitException(faults);
    }

    private async Task<FoundOrHere> FindAsync(ImageReference wanted, bool always, CancellationToken ct)
    {
        var here = always && wanted.Digest is null ? null : store.Find(wanted, architecture);
        return here is null ? new(null, await puller.FindAsync(wanted, architecture, ct)) : new(here, null);
    }

    private async Task<Image> CompleteAsync(string name, FoundOrHere found, CancellationToken ct)
    {
        var image = found.Here ?? await puller.CompleteAsync(found.Found!, ct);
        store.Touch(image);
        return image with { Name = name };
    }

    private readonly record struct FoundOrHere(Image? Here, FoundImage? Found);
}
