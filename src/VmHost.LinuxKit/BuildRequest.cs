using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Layers;
using VmHost.LinuxKit.Outputs;

namespace VmHost.LinuxKit;

/// <summary>What is to be built from what, and where it goes.</summary>
public sealed record BuildRequest
{
    /// <summary>YAML texts with the names that errors call them by; several are merged. At least one.</summary>
    public required IReadOnlyList<(string File, string Text)> Texts { get; init; }

    /// <summary>What the files' names begin with.</summary>
    public required string Name { get; init; }

    /// <summary>Where the files go; made where it is not there.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>What is written; null: what the YAML's <c>outputs</c> say, else kernel and initrd.</summary>
    public IReadOnlyList<string>? Formats { get; init; }

    /// <summary>Which generation's files.</summary>
    public Layout Layout { get; init; }

    /// <summary>In Go's words: <c>amd64</c>, <c>arm64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Ask the registries also for images that are here.</summary>
    public bool Pull { get; init; }

    /// <summary>Where images are kept.</summary>
    public required string StoreDirectory { get; init; }

    /// <summary>Other places to ask instead of registries: <c>docker.io=http://127.0.0.1:5000</c>.</summary>
    public IReadOnlyList<string> Mirrors { get; init; } = [];

    /// <summary>The file of digests beside the YAML; null: none is read or written.</summary>
    public string? LockPath { get; init; }

    /// <summary>Refuse every image that is not in the lock file; else the file is written.</summary>
    public bool Locked { get; init; }

    /// <summary>How the initrd is packed.</summary>
    public Compression Compression { get; init; }

    /// <summary>Threads that pack; the result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Build only if YAML, images, sources or options changed since the files were written.</summary>
    public bool OnlyIfChanged { get; init; }

    /// <summary>Check all, and write nothing.</summary>
    public bool DryRun { get; init; }

    /// <summary>What one image may cost.</summary>
    public LayerLimits Limits { get; init; } = new();

    /// <summary>What relative sources of <c>files</c> are relative to.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>What <c>~</c> stands for in them.</summary>
    public required string Home { get; init; }
}

/// <summary>What was built.</summary>
/// <param name="Files">Paths; empty after a dry run.</param>
/// <param name="Layout">That was chosen.</param>
/// <param name="Images">Names and digests, by name.</param>
public sealed record BuildResult(IReadOnlyList<string> Files, Layout Layout, IReadOnlyList<BuiltFrom> Images);

/// <param name="Image">Full name.</param>
/// <param name="Digest">Of what it points to.</param>
public sealed record BuiltFrom(string Image, string Digest);
