using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Outputs;

/// <summary>
/// From what a build's files were made, in a hidden file beside them: <c>.NAME.build</c>. While that is the same and the files are as they
/// were written, they need not be made again.
/// </summary>
internal sealed class BuildStamp
{
    private readonly string _directory;
    private readonly string _path;
    private readonly string _inputs;

    internal BuildStamp(BuildRequest request, Layout layout, IReadOnlyList<OutputFormat> formats, ImageConfiguration configuration, IEnumerable<Image> images)
    {
        _directory = Path.GetFullPath(request.OutputDirectory);
        _path = Path.Combine(_directory, $".{request.Name}.build");

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, typeof(BuildStamp).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "");
        Append(hash, $"{layout} {request.Architecture} {request.Compression} {string.Join(',', formats)}");
        foreach (var (_, text) in request.Texts)
            Append(hash, text);
        foreach (var image in images)
            Append(hash, $"{image.Name} {image.Manifest.Digest}");
        foreach (var source in configuration.Files.Where(file => file.Kind == FileKind.Source))
            Append(hash, ContentOf(source.SourcePath(request.WorkingDirectory, request.Home)));
        _inputs = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The files, or null where they have to be built.</summary>
    internal IReadOnlyList<string>? Current()
    {
        try
        {
            return File.ReadAllLines(_path) is [var inputs, .. var files] && inputs == _inputs && files.All(file => file == Describe(file.Split(' ', 3)[^1]))
                ? [.. files.Select(file => Path.Combine(_directory, file.Split(' ', 3)[^1]))]
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // then it is built
        }
    }

    internal void Write(IEnumerable<string> files) =>
        DurableFile.Write(_path, Encoding.UTF8.GetBytes(string.Join('\n', files.Select(file => Describe(Path.GetFileName(file))).Prepend(_inputs)) + "\n"));

    private string Describe(string name)
    {
        var file = new FileInfo(Path.Combine(_directory, name));
        return file.Exists ? $"{file.Length} {file.LastWriteTimeUtc.Ticks} {name}" : "";
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
