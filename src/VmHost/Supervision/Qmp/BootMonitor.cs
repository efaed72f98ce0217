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

    /// <summary>As <see cref="QmpMonitor.ExecuteAsync(string, CancellationToken)"/>. May be executed twice: see <see cref="AskAsync"/>.</summary>
    internal Task<JsonElement> ExecuteAsync(string command, CancellationToken ct) =>
        AskAsync(monitor => monitor.ExecuteAsync(command, ct), ct);

    /// <inheritdoc cref="QmpMonitor.AskHumanAsync"/>
    internal Task<string> AskHumanAsync(string line, CancellationToken ct) => AskAsync(monitor => monitor.AskHumanAsync(line, ct), ct);

    /// <summary>Asks what the guest does, and why it is stopped if it is.</summary>
    /// <exception cref="IOException">The monitor cannot be reached, or its answer is not understood.</exception>
    internal Task<QemuStatus> QueryAsync(CancellationToken ct) => AskAsync(monitor => QemuStatus.QueryAsync(monitor, ct), ct);

    /// <summary>Closes the connection for good.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        if (Volatile.Read(ref _monitor) is { } monitor)
            await monitor.DisposeAsync();
    }

    // A connection that was open before may have been cut off unnoticed, for example by another client that took the monitor:
    // then a new connection is opened and the request repeated once. All requests here can be executed twice: they query, or set a
    // state that may be set already.
    private async Task<T> AskAsync<T>(Func<QmpMonitor, Task<T>> ask, CancellationToken ct)
    {
        var earlier = Volatile.Read(ref _monitor);
        var monitor = await GetAsync(ct);
        try
        {
            return await ask(monitor);
        }
        catch (IOException e) when (e is not QmpException && monitor == earlier)
        {
            return await ask(await ReplaceAsync(monitor, ct));
        }
    }

    // Closes one that is of no use before its end is noticed.
    private async Task<QmpMonitor> ReplaceAsync(QmpMonitor broken, CancellationToken ct)
    {
        await broken.DisposeAsync();
        return await GetAsync(ct);
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
