using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using VmHost.Hypervisors;
using VmHost.ShimContract.Records;

namespace VmHost.Supervision.Qmp;

/// <summary>
/// QEMU's monitor for as long as a boot runs: one connection, opened by the first who needs it, and again after it broke. By way
/// of the shim, or at its path for a machine that an earlier version started.
/// </summary>
internal sealed class BootMonitor(RunRecord run, MachinePaths paths, ShimAddress address, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan OpenAgain = TimeSpan.FromMilliseconds(500);

    // One opens at a time; guards _monitor. Never disposed of: the last who waits gives it back afterwards.
    [SuppressMessage("Usage", "CA2213", Justification = "As the comment says. It holds nothing that outlives it.")]
    private readonly SemaphoreSlim _gate = new(1, 1);

    private QmpMonitor? _monitor;
    private volatile bool _isDisposed;

    /// <summary>
    /// Called with the name of each event, in order, by the thread that reads the connection; must neither wait nor throw. May be set at any
    /// time: events before that are not kept, so the state is to be read once it is set.
    /// </summary>
    internal Action<string>? Happened { get; set; }

    /// <summary>
    /// Called when a connection was made: what happened before it, or between two, is found out by <see cref="QueryAsync"/>.
    /// Must neither wait nor throw.
    /// </summary>
    internal Action? Opened { get; set; }

    /// <summary>
    /// Opens the connection unless it is open. Returns once QEMU has set up the whole machine, which for a QEMU that hangs
    /// is never.
    /// </summary>
    /// <exception cref="IOException">The monitor cannot be reached.</exception>
    internal async Task OpenAsync(CancellationToken ct) => _ = await GetAsync(ct);

    /// <summary>Keeps the connection open, also when it breaks, until it is cancelled or disposed of.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal async Task KeepOpenAsync(CancellationToken ct)
    {
        while (!_isDisposed)
        {
            try
            {
                await (await GetAsync(ct)).Closed.WaitAsync(ct);
            }
            catch (IOException)
            {
                // QEMU has not made it yet, or it is about to end, which the boot itself reports.
                await Task.Delay(OpenAgain, time, ct);
            }
        }
    }

    /// <inheritdoc cref="QmpMonitor.ExecuteAsync(string, CancellationToken)"/>
    internal async Task<JsonElement> ExecuteAsync(string command, CancellationToken ct) =>
        await (await GetAsync(ct)).ExecuteAsync(command, ct);

    /// <inheritdoc cref="QmpMonitor.ExecuteAsync(string, Action{Utf8JsonWriter}?, CancellationToken)"/>
    internal async Task<JsonElement> ExecuteAsync(string command, Action<Utf8JsonWriter> arguments, CancellationToken ct) =>
        await (await GetAsync(ct)).ExecuteAsync(command, arguments, ct);

    /// <inheritdoc cref="QmpMonitor.AskHumanAsync"/>
    internal async Task<string> AskHumanAsync(string line, CancellationToken ct) =>
        await (await GetAsync(ct)).AskHumanAsync(line, ct);

    /// <summary>Asks what the guest does, and why it is stopped if it is.</summary>
    /// <exception cref="IOException">The monitor cannot be reached, or its answer is not understood.</exception>
    internal async Task<QemuStatus> QueryAsync(CancellationToken ct) => await QemuStatus.QueryAsync(await GetAsync(ct), ct);

    /// <summary>Closes the connection for good.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        if (Volatile.Read(ref _monitor) is { } monitor)
            await monitor.DisposeAsync();
    }

    private async Task<QmpMonitor> GetAsync(CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_monitor is { Closed.IsCompleted: false } open)
                return open;

            if (_monitor is { } broken)
                await broken.DisposeAsync();

            ThrowIfDisposed();
            var monitor = run.Monitor
                ? await QmpMonitor.OpenAsync(address, Report, ct)
                : await QmpMonitor.OpenAsync(paths.QmpSocket, Report, ct);
            Volatile.Write(ref _monitor, monitor);
            if (_isDisposed)
                await monitor.DisposeAsync();

            ThrowIfDisposed();
            Opened?.Invoke();
            return monitor;
        }
        finally
        {
            _gate.Release();
        }
    }

    // The handler of now, not the one at the time of the opening.
    private void Report(string name) => Happened?.Invoke(name);

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
            throw new IOException("the boot is over");
    }
}
