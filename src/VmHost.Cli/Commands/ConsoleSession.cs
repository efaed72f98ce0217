using System.Threading.Channels;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>
/// A person at a machine's console: all keys go to the guest, all output to the terminal, as it is, for the guest may run
/// an editor. It goes on over reboots of the guest and restarts of the daemon.
/// </summary>
/// <param name="daemon">That runs the machine.</param>
/// <param name="machine">The machine.</param>
/// <param name="readOnly">Keys only leave.</param>
internal sealed class ConsoleSession(Connection daemon, Machine machine, bool readOnly)
{
    private readonly ConsoleInput _input = new(daemon.Console, TimeProvider.System);

    /// <summary>Returns when the person leaves: true; or the machine ended: false.</summary>
    /// <param name="offset">Where the output begins.</param>
    /// <param name="ct">Ends the session, not the machine.</param>
    /// <exception cref="IOException">The terminal cannot be set.</exception>
    internal async Task<bool> RunAsync(long offset, CancellationToken ct)
    {
        using var raw = new RawTerminal();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var request = new ReadConsoleRequest { Machine = machine.Id, Offset = offset, Follow = true };
        var reading = ConsoleCopy.RunAsync(daemon, request, raw: true, stop.Token);
        var typing = TypeAsync(Keyboard.Open(), stop.Token);

        var first = await Task.WhenAny(reading, typing);
        await stop.CancelAsync();
        await first;
        if (first != typing)
            return false;

        StandardStreams.Write("\r\n"u8);   // the guest's line may not have ended
        return true;
    }

    private async Task TypeAsync(ChannelReader<byte[]> keyboard, CancellationToken ct)
    {
        var keys = new DetachKeys();
        await foreach (var typed in keyboard.ReadAllAsync(ct))
        {
            var (data, leaves) = keys.Take(typed);
            if (!data.IsEmpty && !readOnly)
                await SendAsync(data, ct);
            if (leaves)
                return;
        }
    }

    private async Task SendAsync(ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        try
        {
            if (!await _input.WriteAsync(machine.Id, data, ct))
                Output.Error($"the daemon went away; what was typed last ({data.Length} bytes) may not have arrived");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
        {
            // Between two boots there is nobody to type to; after the last one the session ends.
        }
    }
}
