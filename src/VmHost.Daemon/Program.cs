using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using VmHost.Daemon;
using VmHost.Daemon.Hosting;
using VmHost.Specs;

const int Failed = 1;
const int WrongArguments = 2;
const int TakenByAnother = 75;   // EX_TEMPFAIL

if (args is ["--help" or "-h"])
{
    await Console.Out.WriteLineAsync(CommandLine.Help);
    return 0;
}

if (args is ["--version"])
{
    await Console.Out.WriteLineAsync($"vmhostd {Assembly.GetExecutingAssembly().GetName().Version?.ToString(3)}");
    return 0;
}

if (CommandLine.Parse(args, out var settings) is { } fault)
{
    await ErrorOutput.WriteLineAsync($"vmhostd: {fault}");
    return WrongArguments;
}

// Now, and not in the middle of a start, by which time there may be no descriptor left. .NET loads its cryptography when it
// is first used, and ends the process where that fails.
RandomNumberGenerator.GetHexString(1);

var stop = StopSignals.Listen();
try
{
    await using var daemon = Composition.Build(settings);
    await ((IHost)daemon).RunAsync(stop);
    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 0;   // before it served
}
catch (OptionsValidationException e)
{
    foreach (var failure in e.Failures)
        await ErrorOutput.WriteLineAsync($"vmhostd: {failure}");
    return WrongArguments;
}
catch (InvalidOperationException e) when (e.InnerException is FormatException or OverflowException)
{
    // A value that is no number: the binder's message names the setting and the value.
    await ErrorOutput.WriteLineAsync($"vmhostd: {e.Message}");
    return WrongArguments;
}
catch (VmHostException e)
{
    await ErrorOutput.WriteLineAsync($"vmhostd: {e.Message}");
    return e.Error == VmHostError.Unavailable ? TakenByAnother : Failed;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    await ErrorOutput.WriteLineAsync($"vmhostd: {e.Message}");
    return Failed;
}
