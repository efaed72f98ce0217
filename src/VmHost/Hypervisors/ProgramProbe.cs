using System.Text;
using CliWrap;
using CliWrap.Buffered;
using VmHost.Posix;

namespace VmHost.Hypervisors;

/// <summary>Finds one program and asks it about itself. The answer is kept until the program on disk changes.</summary>
/// <param name="given">Where it is; null to look in PATH and the usual places.</param>
/// <param name="names">Its usual names.</param>
/// <param name="option">The daemon's option that names it, for messages.</param>
/// <param name="environment">What it runs with.</param>
/// <param name="time">The clock.</param>
/// <typeparam name="T">What it says of itself.</typeparam>
internal sealed class ProgramProbe<T>(string? given, IReadOnlyList<string> names, string option, HypervisorEnvironment environment, TimeProvider time)
    where T : class
{
    // launchd's and systemd's PATH may lack these.
    private static readonly string[] UsualPlaces =
    [
        "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin", "/usr/libexec",
        "/Applications/Docker.app/Contents/Resources/bin",
    ];

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    private volatile Known? _known;

    /// <summary>Somebody said where it is.</summary>
    internal bool IsGiven => given is not null;

    /// <summary>The program's path, and either what it said of itself or why it cannot be used.</summary>
    /// <param name="ask">
    /// Given the path and a way to run it (arguments in, stdout and stderr out); returns null when it does not answer as
    /// such a program does.
    /// </param>
    /// <param name="missing">What to say when there is none, with the cure.</param>
    /// <param name="ct">Gives up.</param>
    internal async Task<(string? Path, T? Answer, string? Problem)> ProbeAsync(
        Func<string, Func<string, Task<string>>, Task<T?>> ask, string missing, CancellationToken ct)
    {
        var path = given ?? Find();
        if (path is null)
            return (null, null, $"{missing} or name it with {option}");
        // .NET would search a relative path next to this program first, and not where it was checked.
        if (!Path.IsPathFullyQualified(path))
            return (path, null, $"{option} must be an absolute path, not '{path}'");
        if (!FileStatus.TryGet(path, out var status))
            return (path, null, $"{path} is not there; install {names[0]} or name another with {option}");
        if (status.Type != FileType.Regular || (File.GetUnixFileMode(path) & AnyExecute) == UnixFileMode.None)
            return (path, null, $"{path} is no executable program; make it one (chmod +x) or name another with {option}");

        var stamp = (path, status.Inode, status.Size, status.ModifiedAt);
        if (_known is { } known && known.Stamp == stamp)
            return (path, known.Answer, null);

        var (answer, problem) = await AskAsync(path, ask, ct);

        // A failure may pass; only what the program said of itself is kept.
        if (answer is not null)
            _known = new(stamp, answer);

        return (path, answer, problem);
    }

    private static UnixFileMode AnyExecute => UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    // Empty and relative entries of PATH are skipped: a program in the current directory is not one of the host's.
    private string? Find()
    {
        var places = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return places.Concat(UsualPlaces)
            .Where(Path.IsPathFullyQualified)
            .SelectMany(place => names.Select(name => Path.Combine(place, name)))
            .FirstOrDefault(File.Exists);
    }

    private async Task<(T? Answer, string? Problem)> AskAsync(
        string path, Func<string, Func<string, Task<string>>, Task<T?>> ask, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(AnswerLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var answer = await ask(path, argument => RunAsync(path, argument, either.Token));
            return answer is null
                ? (null, $"{path} does not answer as {names[0]} does; name another with {option}")
                : (answer, null);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return (null, $"{path} did not answer within {AnswerLimit.TotalSeconds:0} s; name another with {option}");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or InvalidOperationException)
        {
            return (null, $"{path} cannot be run ({e.Message.TrimEnd('.')}); name another with {option}");
        }
    }

    // xhyve and HyperKit say their version on stderr.
    private async Task<string> RunAsync(string path, string argument, CancellationToken ct)
    {
        var result = await Cli.Wrap(path)
            .WithArguments([argument])
            .WithEnvironmentVariables(environment.Withheld)
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(Encoding.UTF8, Encoding.UTF8, ct, ct);
        return result.StandardOutput + result.StandardError;
    }

    private sealed record Known((string Path, ulong Inode, long Size, long ModifiedAt) Stamp, T Answer);
}
