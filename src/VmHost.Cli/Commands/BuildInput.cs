using System.Text;
using VmHost.Cli.Terminal;
using VmHost.LinuxKit;

namespace VmHost.Cli.Commands;

/// <summary>The YAML files of a build: found, read, and what the outputs are called after them.</summary>
internal static class BuildInput
{
    /// <summary>What stdin's is called.</summary>
    private const string StandardInput = "-";
    private const string StandardName = "moby";
    private const int MaxBytes = 16 << 20;

    private static readonly string[] Extensions = ["", ".yml", ".yaml"];

    internal static bool IsYaml(string path) => Path.GetExtension(path) is ".yml" or ".yaml";

    /// <summary>A file as it was named, or with <c>.yml</c> or <c>.yaml</c> behind it.</summary>
    /// <exception cref="CliException">There is none.</exception>
    internal static string Find(string name) =>
        name == StandardInput ? name
        : Extensions.Select(extension => name + extension).FirstOrDefault(File.Exists)
        ?? throw new CliException(ExitCodes.Usage, IsYaml(name) ? $"there is no file {name}" : $"there is no file {name}, nor {name}.yml, nor {name}.yaml");

    /// <exception cref="CliException">It cannot be read.</exception>
    internal static (string File, string Text) Read(string file)
    {
        try
        {
            using var stream = file == StandardInput ? null : File.OpenRead(file);
            using var kept = new MemoryStream();
            var buffer = new byte[64 << 10];
            while ((stream is null ? StandardStreams.Read(buffer) : stream.Read(buffer)) is > 0 and var count)
            {
                kept.Write(buffer, 0, count);
                if (kept.Length > MaxBytes)
                    throw new CliException(ExitCodes.Usage, $"{file} is too long for an image's YAML: more than {MaxBytes} bytes");
            }

            return (file == StandardInput ? "stdin" : file, Encoding.UTF8.GetString(kept.GetBuffer(), 0, (int)kept.Length).TrimStart('\uFEFF'));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"{file} cannot be read: {e.Message}");
        }
    }

    /// <summary>What files are called after this one.</summary>
    internal static string NameOf(string file) => file == StandardInput ? StandardName : Path.GetFileNameWithoutExtension(file);

    /// <summary>Where images are kept: <c>$XDG_CACHE_HOME/vmhost/images</c>.</summary>
    internal static string StoreDirectory =>
        Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Home, ".cache"), "vmhost", "images");

    internal static string Home => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>Runs a build or what belongs to it; its errors become the user's.</summary>
    internal static async Task<T> TellingAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (OperationCanceledException)
        {
            throw new CliException(ExitCodes.Interrupted, "interrupted; what was pulled so far is kept, and nothing else");
        }
        catch (LinuxKitException e)
        {
            throw new CliException(ExitCodes.Failed, e.Faults);
        }
        catch (Exception e) when (e is IOException and not OutputClosedException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Failed, e.Message);
        }
    }
}
