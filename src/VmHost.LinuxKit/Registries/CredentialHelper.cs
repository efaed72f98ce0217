using System.ComponentModel;
using System.Text.Json;
using CliWrap;
using CliWrap.Buffered;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Registries;

/// <summary>
/// A credential helper: the program <c>docker-credential-NAME</c>. Source: docker-credential-helpers, "Development".
/// The program is searched in the absolute directories of PATH only, never in the current directory or next to vmctl: a checked-out
/// repository must not be able to bring a program that is asked for logins (CWE-426).
/// </summary>
internal static class CredentialHelper
{
    private const string Prefix = "docker-credential-";
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>Asks a helper for a login; null: the helper has none. An answer may take 30 s.</summary>
    /// <param name="name">The helper's name in the configuration file, without the prefix.</param>
    /// <param name="key">The server that the login is for.</param>
    /// <param name="file">The configuration file, for errors.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="LinuxKitException">The name is invalid, or the program is missing or does not work.</exception>
    internal static async Task<Login?> AskAsync(string name, string key, string file, CancellationToken ct)
    {
        var program = Find(name, Environment.GetEnvironmentVariable("PATH"), file);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        try
        {
            var answer = await Cli.Wrap(program).WithArguments(["get"]).WithStandardInputPipe(PipeSource.FromString(key))
                .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync(limit.Token);
            if (answer.ExitCode != 0)
                return null; // by the protocol: none is kept for that registry

            using var document = JsonDocument.Parse(answer.StandardOutput);
            var user = Descriptor.Text(document.RootElement, "Username") ?? "";
            var secret = Descriptor.Text(document.RootElement, "Secret") ?? "";
            return user is "" or "<token>" ? new(LoginKind.IdentityToken, "", secret) : new(LoginKind.Password, user, secret);
        }
        catch (Exception e) when (e is Win32Exception or JsonException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new LinuxKitException($"the credential helper {program} for {key} does not work: {(e is OperationCanceledException ? "it gave no answer in 30 s" : e.Message)}", e);
        }
    }

    /// <summary>The absolute path of a helper: the first executable file of that name. Empty and relative entries of PATH are skipped.</summary>
    /// <param name="name">The helper's name, without the prefix.</param>
    /// <param name="path">The value of PATH; null: not set.</param>
    /// <param name="file">The configuration file, for errors.</param>
    /// <exception cref="LinuxKitException">The name is a path, or no such program exists.</exception>
    internal static string Find(string name, string? path, string file)
    {
        if (name.AsSpan().ContainsAny('/', '\\', '\0'))
            throw new LinuxKitException($"{file}: the credential helper '{name}' is not a valid name: it must not contain a path separator; write NAME for the program {Prefix}NAME in PATH");

        var program = Prefix + name;
        return (path ?? "").Split(Path.PathSeparator).Where(Path.IsPathFullyQualified).Select(directory => Path.Combine(directory, program)).FirstOrDefault(IsExecutable)
            ?? throw new LinuxKitException($"{file}: the credential helper {program} was not found in PATH; install it, or remove it from the file");
    }

    // File.Exists first: GetUnixFileMode throws for a missing file.
    private static bool IsExecutable(string file) => File.Exists(file) && (File.GetUnixFileMode(file) & AnyExecute) != UnixFileMode.None;
}
