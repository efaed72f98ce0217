using System.Globalization;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>What <c>--for</c> and <c>--wait</c> take: <c>stopped</c>, <c>running</c>, <c>console:REGEX</c>, <c>tcp:PORT</c>.</summary>
internal static class WaitSyntax
{
    internal const string HelpName = "stopped|running|console:REGEX|tcp:PORT";

    private const string Console = "console:";
    private const string Tcp = "tcp:";

    /// <param name="label">The flag, for errors.</param>
    /// <param name="text">As it was written.</param>
    /// <exception cref="CliException">It is no such thing.</exception>
    internal static WaitCondition Parse(string label, string text) =>
        text switch
        {
            "stopped" => new() { Stopped = new() },
            "running" => new() { Running = new() },
            _ when text.StartsWith(Console, StringComparison.Ordinal) => new() { Console = new() { Pattern = text[Console.Length..] } },
            _ when text.StartsWith(Tcp, StringComparison.Ordinal) && ushort.TryParse(text.AsSpan(Tcp.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0 =>
                new() { Port = new() { GuestPort = port } },
            _ => throw new CliException(ExitCodes.Usage, $"{label} wants {HelpName}, not '{text}'"),
        };

    /// <summary>Waits, also over restarts of the daemon.</summary>
    /// <param name="daemon">That runs the machine.</param>
    /// <param name="machine">Name or id.</param>
    /// <param name="condition">What for.</param>
    /// <param name="text">The condition as it was written, for errors.</param>
    /// <param name="seconds">At most so long; null for ever.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="CliException">Time is over.</exception>
    internal static async Task<Machine> WaitAsync(
        Connection daemon, string machine, WaitCondition condition, string text, long? seconds, CancellationToken ct)
    {
        var request = new WaitMachineRequest { Machine = machine, Condition = condition };
        try
        {
            return await daemon.WaitAsync(request, TimeLimit.Deadline(seconds), ct);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
        {
            throw new CliException(ExitCodes.TimedOut, $"within {seconds} s {machine} was not: {text}");
        }
    }
}
