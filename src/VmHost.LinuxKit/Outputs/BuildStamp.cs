using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;
using VmHost.Posix;

namespace VmHost.LinuxKit.Outputs;

/// <summary>
/// From what a build's files were made, in a hidden file beside them: <c>.NAME.build</c>. While that is the same and the files are as they
/// were written, they need not be made again. Whoever holds it is alone in giving files of that name their names.
/// </summary>
internal sealed class BuildStamp : IDisposable
{
    private readonly FileLock _lock;
    private readonly SafeFileHandle _handle;
    private readonly FileStream _file;
    private readonly BuiltFiles _before;

    private BuildStamp(FileLock @lock, string directory)
    {
        _lock = @lock;
        _handle = new SafeFileHandle(@lock.Number, ownsHandle: false);
        _file = new FileStream(_handle, FileAccess.ReadWrite);
        using var reader = new StreamReader(_file, leaveOpen: true);
        _before = new(directory, reader.ReadToEnd());
    }

    /// <summary>Waits until nobody else holds it.</summary>
    internal static async Task<BuildStamp> OpenAsync(string directory, string name, CancellationToken ct) =>
        new(await SharedLock.AcquireAsync(PathOf(directory, name), ct), directory);

    /// <summary>What the last build made. One that is just giving files their names is waited for.</summary>
    internal static async Task<BuiltFiles> LastBuildAsync(string directory, string name, CancellationToken ct)
    {
        var path = PathOf(directory, name);
        using var shared = await SharedLock.ShareExistingAsync(path, ct);
        return new(directory, shared is null ? "" : await File.ReadAllTextAsync(path, ct));
    }

    /// <summary>Before files get their names: a build that ends in between leaves nothing that is taken for whole.</summary>
    internal void Clear()
    {
        _file.SetLength(0);
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Removes what the build before made and this one did not: a machine would be started with it, and nobody would see.</summary>
    internal void RemoveStale(IReadOnlyList<string> written)
    {
        foreach (var path in _before.Unchanged.Except(written))
            File.Delete(path);
    }

    internal void Write(string inputs, IEnumerable<string> files)
    {
        _file.Position = 0;
        _file.Write(Encoding.UTF8.GetBytes(string.Join('\n', files.Select(BuiltFiles.Describe).Prepend(inputs)) + "\n"));
        _file.Flush(flushToDisk: true);
    }

    public void Dispose()
    {
        _file.Dispose();
        _handle.Dispose();
        _lock.Dispose();
    }

    private static string PathOf(string directory, string name) => Path.Combine(directory, $".{name}.build");

    /// <summary>A digest of all that decides what the files hold.</summary>
    internal static string InputsOf(BuildRequest request, Layout layout, IReadOnlyList<OutputFormat> formats, ImageConfiguration configuration, IEnumerable<Image> images)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, typeof(BuildStamp).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "");
        Append(hash, $"{layout} {request.Architecture} {request.Compression} {string.Join(',', formats)}");
        foreach (var (_, text) in request.Texts)
            Append(hash, text);
        foreach (var image in images)
            Append(hash, $"{image.Name} {image.Manifest.Digest}");
        foreach (var source in configuration.Files.Where(file => file.Kind == FileKind.Source))
            Append(hash, ContentOf(source.SourcePath(request.WorkingDirectory, request.Home)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string ContentOf(string path)
    {
        if (!File.Exists(path))
            return "";

        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    private static void Append(IncrementalHash hash, string text)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(text));
        hash.AppendData([0]);
    }
}
