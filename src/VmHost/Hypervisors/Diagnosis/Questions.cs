using System.Text;
using CliWrap;
using CliWrap.Buffered;
using CliWrap.Exceptions;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Asks the system's own tools. Whatever goes wrong, the answer is null: not known.</summary>
/// <param name="limit">How long one may take.</param>
/// <param name="time">The clock.</param>
internal sealed class Questions(TimeSpan limit, TimeProvider time)
{
    /// <summary>What the tool wrote to stdout.</summary>
    /// <param name="tool">Its absolute path: a service's PATH may lack /usr/sbin, and root's should not be trusted with a name.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="arguments">Of the tool.</param>
    /// <returns>Null when there is no such tool, or it failed or was too slow.</returns>
    internal async Task<string?> AskAsync(string tool, CancellationToken ct, params IReadOnlyList<string> arguments) =>
        await RunAsync(tool, arguments, ct) is { ExitCode: 0 } result ? result.StandardOutput.TrimEnd() : null;

    /// <summary>As <see cref="AskAsync"/>, for a tool that says also with a failure what is wanted: stdout and stderr.</summary>
    /// <param name="tool">Its absolute path.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="arguments">Of the tool.</param>
    internal async Task<string?> AskAnyhowAsync(string tool, CancellationToken ct, params IReadOnlyList<string> arguments) =>
        await RunAsync(tool, arguments, ct) is { } result ? result.StandardOutput + result.StandardError : null;

    private async Task<BufferedCommandResult?> RunAsync(string tool, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        using var ending = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, ending.Token);
        try
        {
            return await Cli.Wrap(tool)
                .WithArguments(arguments)
                .WithEnvironmentVariables(variables => variables.Set("LC_ALL", "C"))
                .WithValidation(CommandResultValidation.None)
                .ExecuteBufferedAsync(Encoding.UTF8, Encoding.UTF8, either.Token, CancellationToken.None);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or InvalidOperationException or CliWrapException)
        {
            return null;
        }
    }
}
