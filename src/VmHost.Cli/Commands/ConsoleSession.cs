using System.Runtime.InteropServices;
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
/// <param name="machine">The machine.</param>
/// <param name="console">Attached to it.</param>
/// <param name="recording">Gets what the terminal shows; null for none.</param>
internal sealed class ConsoleSession(Machine machine, ConsoleAttachment console, Recording? recording = null)
{
    // What was typed right before leaving still arrives, if the guest takes it.
    private static readonly TimeSpan LastKeys = TimeSpan.FromSeconds(1);

    private bool _toldReadOnly;

    /// <summary>Attaches to a machine's console.</summary>
    /// <param name="daemon">That runs the machine.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="offset">Where the output begins; null: with what is written from now on.</param>
    /// <param name="readOnly">Send no keys.</param>
    /// <param name="force">Take the input from the client that has it.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="CliException">Another client types there.</exception>
    internal static async Task<ConsoleAttachment> AttachAsync(Connection daemon, Machine machine, long? offset, bool readOnly, bool force, CancellationToken ct)
    {
        var options = new ConsoleAttachmentOptions(machine.Id, $"{Environment.UserName} (vmctl, process {Environment.ProcessId})")
        {
            Offset = offset,
            ReadOnly = readOnly,
            Force = force,
            Size = !readOnly && TerminalSize.Now is { } size ? new() { Columns = size.Columns, Rows = size.Rows } : null,
            OnInterrupted = ConsoleCopy.TellInterrupted,
        };
        try
        {
            return await ConsoleAttachment.OpenAsync(daemon.Console, options, TimeProvider.System, ct);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
        {
            throw new CliException(ExitCodes.Conflict, $"{e.Status.Detail}; read along with: vmctl console --read-only {machine.Name}, or take over with: vmctl console --force {machine.Name}");
        }
    }

    /// <summary>Returns when the person leaves: true; or the machine ended: false.</summary>
    /// <param name="offset">Where the output begins that is shown.</param>
    /// <param name="ct">Ends the session, not the machine.</param>
    /// <exception cref="IOException">The terminal cannot be set.</exception>
    internal async Task<bool> RunAsync(long offset, CancellationToken ct)
    {
        using var raw = new RawTerminal();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resize());
        using var resumed = PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => Resize());
        Resize();

        var reading = ReadAsync(raw, offset, stop.Token);
        var typing = TypeAsync(Keyboard.Open(), stop.Token);

        var first = await Task.WhenAny(reading, typing);
        await stop.CancelAsync();

        // Both, before the terminal is restored: what a reader showed after that would be out of its place.
        await EndAsync(first == typing ? reading : typing);
        await first;
        if (first != typing)
            return false;

        raw.Show("\r\n"u8);   // the guest's line may not have ended
        return true;
    }

    private static async Task EndAsync(Task cancelled)
    {
        try
        {
            await cancelled;
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException or IOException)
        {
            // The session ends for the reason that the other task has.
        }
    }

    private async Task ReadAsync(RawTerminal terminal, long offset, CancellationToken ct)
    {
        await foreach (var response in console.ReadAsync(ct))
        {
            switch (response.KindCase)
            {
                case AttachConsoleResponse.KindOneofCase.Output:
                    Show(terminal, response.Output, offset);
                    break;
                case AttachConsoleResponse.KindOneofCase.WriterChange when !response.WriterChange.IsWriter && !_toldReadOnly && response.WriterChange.WriterName.Length > 0:
                    Output.Error($"{response.WriterChange.WriterName} types now; you read along at {machine.Name} (Ctrl-] leaves)");
                    _toldReadOnly = true;
                    break;
            }
        }
    }

    private void Show(RawTerminal terminal, ReadConsoleResponse output, long offset)
    {
        ConsoleCopy.TellGap(output.GapBytes);
        var shown = (int)Math.Clamp(offset - output.Offset, 0, output.Data.Length);
        var data = output.Data.Span[shown..];
        terminal.Show(data);
        recording?.Output(data);
    }

    // Returns when the person leaves. The keys that leave are looked for in what is typed, not in what the guest has taken: it may take nothing any more. Behind 1 MiB that it has not taken they wait too.
    private async Task TypeAsync(ChannelReader<byte[]> typedKeys, CancellationToken ct)
    {
        var keys = new DetachKeys();
        await foreach (var typed in typedKeys.ReadAllAsync(ct))
        {
            var (data, leaves) = keys.Take(typed);
            if (!data.IsEmpty && !console.IsWriter)
                TellReadOnly();
            if (!data.IsEmpty)
                await console.WriteAsync(data, ct);
            if (leaves)
                break;
        }

        await FlushAsync(ct);
    }

    private async Task FlushAsync(CancellationToken ct)
    {
        try
        {
            await console.FlushAsync(ct).WaitAsync(LastKeys, ct);
        }
        catch (TimeoutException)
        {
            // The guest does not read.
        }
    }

    // Once: who leans on the keyboard has understood.
    private void TellReadOnly()
    {
        if (!_toldReadOnly)
            Output.Error($"you read along at {machine.Name}, and your keys go nowhere; Ctrl-] leaves");
        _toldReadOnly = true;
    }

    private void Resize()
    {
        if (TerminalSize.Now is not { } size)
            return;

        recording?.Resized(size);
        console.Resize(size.Columns, size.Rows);
    }
}
