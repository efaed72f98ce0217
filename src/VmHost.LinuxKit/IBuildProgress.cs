namespace VmHost.LinuxKit;

/// <summary>Hears how a build goes on; from several threads at once.</summary>
public interface IBuildProgress
{
    /// <summary>What is done now, in the words of LinuxKit's tool.</summary>
    /// <param name="text">One line.</param>
    void Doing(string text);

    /// <summary>What is accepted and may not mean what its writer thinks.</summary>
    /// <param name="text">A sentence.</param>
    void Note(string text);

    /// <summary>Some more of a blob has come.</summary>
    /// <param name="blob">Which, and how much.</param>
    void Pulled(PulledBlob blob);
}

/// <param name="Image">Its full name.</param>
/// <param name="Digest">Of the blob.</param>
/// <param name="Bytes">That are here.</param>
/// <param name="TotalBytes">That it has.</param>
public readonly record struct PulledBlob(string Image, string Digest, long Bytes, long TotalBytes);
