using System.Buffers;
using System.IO.Pipelines;
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
/// <param name="daemon">That runs the machine.</param>
/// <param name="machine">The machine.</param>
/// <param name="keyboard">The right to type; null for somebody who reads along, whose keys only leave.</param>
/// <param name="recording">Gets what the terminal shows; null for none.</param>
internal sealed class ConsoleSession(Connection daemon, Machine machine, HeldConsole? keyboard, Recording? recording = null)
{
    // In bytes, that the guest did not take yet. Beyond it keys wait, and so do those that leave.
    private const int MaxWaiting = 1 << 20;

    // What was typed right before leaving still arrives, if the guest takes it.
    private static readonly TimeSpan LastKeys = TimeSpan.FromSeconds(1);

    private readonly ConsoleInput _input = new(daemon.Console, TimeProvider.System) { HoldToken = keyboard?.Token ?? "" };

    // Two signals may come at once. Guards _resizing until the session ends.
    private readonly Lock _resizes = new();
    private Task _resizing = Task.CompletedTask;
    private bool _toldReadOnly;

    /// <summary>Takes the right to type.</summary>
    /// <exception cref="CliException">Somebody else has it.</exception>
    internal static async Task<HeldConsole> HoldAsync(Connection daemon, Machine machine, bool force, CancellationToken ct)
    {
        var holder = $"{Environment.UserName} (vmctl, process {Environment.ProcessId})";
        try
        {
            return await HeldConsole.TakeAsync(daemon.Console, machine.Id, holder, force, TimeProvider.System, ct);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
        {
            throw new CliException(ExitCodes.Conflict, $"{e.Status.Detail}; read along with: vmctl console --read-only {machine.Name}, or take over with: vmctl console --force {machine.Name}");
        }
    }

    /// <summary>Returns when the person leaves: true; or the machine ended: false.</summary>
    /// <param name="offset">Where the output begins.</param>
    /// <param name="ct">Ends the session, not the machine.</param>
    /// <exception cref="IOException">The terminal cannot be set.</exception>
    internal async Task<bool> RunAsync(long offset, CancellationToken ct)
    {
        using var raw = new RawTerminal();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var stopped = stop.Token;
        using var resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resize(stopped));
        using var resumed = PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => Resize(stopped));
        Resize(stopped);

        var reading = ReadAsync(raw, offset, stop.Token);
        var typing = TypeAsync(Keyboard.Open(), stop.Token);
        var losing = TellLossAsync(stop.Token);

        var first = await Task.WhenAny(reading, typing);
        await stop.CancelAsync();

        // Both, before the terminal is restored: what a reader showed after that would be out of its place.
        await EndAsync(first == typing ? reading : typing);
        await first;
        await losing;
        await _resizing;
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
        var request = new ReadConsoleRequest { Machine = machine.Id, Offset = offset, Follow = true };
        await foreach (var chunk in ConsoleCopy.Reader(daemon, wasReached: true).ReadAsync(request, ct))
        {
            ConsoleCopy.TellGap(chunk);
            terminal.Show(chunk.Data.Span);
            recording?.Output(chunk.Data.Span);
        }
    }

    // Returns when the person leaves.
    private async Task TypeAsync(ChannelReader<byte[]> typedKeys, CancellationToken ct)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var waiting = new Pipe(new PipeOptions(pauseWriterThreshold: MaxWaiting, resumeWriterThreshold: MaxWaiting / 2));
        var sending = SendAllAsync(waiting.Reader, leaving.Token);
        var queueing = QueueAsync(typedKeys, waiting.Writer, ct);
        if (await Task.WhenAny(queueing, sending) == queueing)
        {
            await queueing;
            leaving.CancelAfter(LastKeys);
        }

        await sending;
    }

    // The keys that leave are looked for in what is typed, not in what the guest has taken: it may take nothing any more.
    private static async Task QueueAsync(ChannelReader<byte[]> typedKeys, PipeWriter waiting, CancellationToken ct)
    {
        var keys = new DetachKeys();
        await foreach (var typed in typedKeys.ReadAllAsync(ct))
        {
            var (data, leaves) = keys.Take(typed);
            if (!data.IsEmpty)
                await waiting.WriteAsync(data, ct);
            if (leaves)
                break;
        }

        await waiting.CompleteAsync();
    }

    // What piled up while the guest took what was before it goes at once.
    private async Task SendAllAsync(PipeReader waiting, CancellationToken ct)
    {
        try
        {
            while (await waiting.ReadAsync(ct) is { Buffer: { IsEmpty: false } typed })
            {
                var part = typed.Slice(0, Math.Min(typed.Length, ConsoleInput.MaxLength));
                await SendAsync(part.ToArray(), ct);
                waiting.AdvanceTo(part.End);
            }
        }
        catch (Exception e) when (ct.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            // The person left, or the machine ended.
        }
    }

    private async Task SendAsync(ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        if (keyboard is null || keyboard.Lost.IsCompleted)
        {
            TellReadOnly();
            return;
        }

        try
        {
            if (await _input.WriteAsync(machine.Id, data, ct) is null)
                Output.Error($"the daemon went away; what was typed last ({data.Length} bytes) may not have arrived");
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.FailedPrecondition or StatusCode.Aborted)
        {
            // Between two boots there is nobody to type to; after the last one the session ends. One who lost the keyboard is told so.
        }
    }

    // Once: who leans on the keyboard has understood.
    private void TellReadOnly()
    {
        if (!_toldReadOnly)
            Output.Error($"you read along at {machine.Name}, and your keys go nowhere; Ctrl-] leaves");
        _toldReadOnly = true;
    }

    private async Task TellLossAsync(CancellationToken ct)
    {
        if (keyboard is null)
            return;

        try
        {
            Output.Error($"{await keyboard.Lost.WaitAsync(ct)}; you read along at {machine.Name} (Ctrl-] leaves)");
            _toldReadOnly = true;
        }
        catch (OperationCanceledException)
        {
            // It was kept to the end of the session.
        }
    }

    // One after the other, so that the last size is the last that is told.
    private void Resize(CancellationToken ct)
    {
        if (TerminalSize.Now is not { } size)
            return;

        recording?.Resized(size);
        if (keyboard is null || keyboard.Lost.IsCompleted)
            return;

        lock (_resizes)
            _resizing = TellSizeAsync(_resizing, size, keyboard, ct);
    }

    // A size is a convenience: what keeps the daemon from taking it is told by what matters.
    private async Task TellSizeAsync(Task before, TerminalSize size, HeldConsole held, CancellationToken ct)
    {
        await before;
        try
        {
            var request = new ResizeConsoleRequest { Machine = machine.Id, HoldToken = held.Token, Columns = size.Columns, Rows = size.Rows };
            await daemon.Console.ResizeConsoleAsync(request, cancellationToken: ct);
        }
        catch (RpcException)
        {
            // Said above.
        }
    }
}
