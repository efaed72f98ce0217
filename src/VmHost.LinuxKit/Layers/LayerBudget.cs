using VmHost.LinuxKit.Assembly;

namespace VmHost.LinuxKit.Layers;

/// <summary>What reading an image has cost so far, held against what it may.</summary>
/// <param name="image">Its name, for errors.</param>
/// <param name="limits">What it may cost.</param>
internal sealed class LayerBudget(string image, LayerLimits limits)
{
    private int _entries;
    private long _bytes;
    private long _nameChars;
    private int _copies;

    /// <exception cref="LinuxKitException">It is one too many, or too large; names image, layer and entry.</exception>
    internal void Count(Entry entry)
    {
        if (++_entries > limits.MaxEntries)
            throw new LinuxKitException($"{entry.Origin}: {entry.Name}: the image has more than {limits.MaxEntries} entries");
        _bytes += entry.Size;
        if (_bytes > limits.MaxImageBytes || entry.Size > limits.MaxImageBytes)
            throw new LinuxKitException($"{entry.Origin}: {entry.Name}: the image becomes larger than {limits.MaxImageBytes} bytes when unpacked (vmctl build --max-image-size allows more)");
    }

    /// <summary>A name that is kept in memory.</summary>
    /// <exception cref="LinuxKitException">All of them together are too long.</exception>
    internal void CountName(string path)
    {
        _nameChars += path.Length;
        if (_nameChars > limits.MaxNameChars)
            throw new LinuxKitException($"{image}: the names of its files have more than {limits.MaxNameChars} characters together, at {path}");
    }

    /// <summary>A file for which a layer is read once more.</summary>
    /// <exception cref="LinuxKitException">There are too many.</exception>
    internal void CountCopy(Entry link)
    {
        if (++_copies > limits.MaxCopies)
            throw new LinuxKitException($"{link.Origin}: {link.Name}: more than {limits.MaxCopies} hard links lead to files that higher layers replace; put the image's layers together into one (docker build --squash)");
    }
}
