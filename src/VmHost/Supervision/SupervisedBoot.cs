using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.ShimContract.Posix;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.Specs;
using VmHost.Supervision.Qmp;

namespace VmHost.Supervision;

/// <summary>One boot that runs: its shim answers, and proved that it is the one that was launched.</summary>
public sealed class SupervisedBoot : IAsyncDisposable
{
    // Between the end of a shim's connection and the freeing of its lock the kernel tears down two processes.
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LockProbe = TimeSpan.FromMilliseconds(5);

    // How soon after a connection broke the shim is connected to again, if it has not ended by then.
    private static readonly TimeSpan ConnectAgain = TimeSpan.FromMilliseconds(50);

    private readonly string _id;
    private readonly MachinePaths _paths;
    private readonly ConsoleFeed _console;
    private readonly ShimAddress _address;
    private readonly TimeProvider _time;
    private readonly ConsoleWriter _writer;

    // Replaced when it broke and the shim lives: a request that is given up breaks it.
    private volatile ShimConnection _shim;
    private volatile bool _isDisposed;

    private SupervisedBoot(string id, MachinePaths paths, RunRecord run, ConsoleFeed console, ShimAddress address, ShimConnection shim, TimeProvider time)
    {
        (_id, _paths, Run, _console, _address, _shim, _time) = (id, paths, run, console, address, shim, time);
        _writer = new ConsoleWriter(address);
        Monitor = new BootMonitor(run, paths, address, time);
        Ended = WatchAsync();
    }

    /// <summary>What the shim wrote when it had started the hypervisor.</summary>
    public RunRecord Run { get; }

    /// <summary>Completes when the shim is gone; never faults.</summary>
    public Task<BootEnd> Ended { get; }

    /// <summary>QEMU's monitor. Other hypervisors have none, and every request to it fails.</summary>
    internal BootMonitor Monitor { get; }

    /// <summary>As <see cref="ContactAsync"/>; null when no such shim answers, whatever the reason.</summary>
    internal static async Task<SupervisedBoot?> ConnectAsync(
        string id, string nonce, MachinePaths paths, ConsoleFeed console, TimeProvider time, CancellationToken ct) =>
        await ContactAsync(id, nonce, paths, console, time, ct) is BootContact.Made { Boot: var boot } ? boot : null;

    /// <summary>Connects to the shim of a boot, after a check that the boot is this directory's, and checks that the shim is that boot's.</summary>
    /// <param name="id">The machine's.</param>
    /// <param name="nonce">The launch's.</param>
    /// <param name="paths">The machine's.</param>
    /// <param name="console">Told how the journal grows.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up, on a shim that takes the connection and does not answer.</param>
    internal static async Task<BootContact> ContactAsync(
        string id, string nonce, MachinePaths paths, ConsoleFeed console, TimeProvider time, CancellationToken ct)
    {
        try
        {
            if (LoadRun(nonce, paths) is not { } run)
                return FileLock.IsHeld(paths.Lock) ? new BootContact.Unreachable("its shim has not written its record yet") : new BootContact.Ended();

            return BootOwnership.Of(run, paths) switch
            {
                BootOwner.AnotherDirectory => new BootContact.Foreign(BootOwnership.CopyReason),
                BootOwner.Nobody => new BootContact.Ended(),
                _ => await OpenAsync(id, paths, run, console, time, ct),
            };
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new BootContact.Unreachable(e.Message);
        }
    }

    /// <summary>Sends the hypervisor a signal, through its parent: its number cannot have passed to another process.</summary>
    /// <exception cref="IOException">The shim went away; <see cref="Ended"/> tells more.</exception>
    public async Task SignalAsync(int signal, CancellationToken ct)
    {
        var payload = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(payload, signal);
        var error = await RequestAsync(FrameType.Signal, payload, ct);
        if (error != 0)
            throw new PosixException($"signal {signal}", error);
    }

    /// <summary>Writes to the console as a keyboard would; returns when the terminal took all of it.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: the terminal takes none, or the machine ended.
    /// </exception>
    public Task WriteConsoleAsync(ReadOnlyMemory<byte> data, CancellationToken ct) => _writer.WriteAsync(data, ct);

    /// <summary>Tells the console's terminal how large it is. Does nothing when the machine ended.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: the terminal refuses.</exception>
    public async Task ResizeConsoleAsync(ConsoleSize size, CancellationToken ct)
    {
        var payload = new byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(payload, (ushort)size.Columns);
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(2), (ushort)size.Rows);
        try
        {
            var error = await RequestAsync(FrameType.Resize, payload, ct);
            if (error != 0)
                throw new VmHostException(VmHostError.FailedPrecondition, new PosixException("the console takes no size", error).Message);
        }
        catch (IOException)
        {
            // It is gone, or about to go.
        }
    }

    /// <summary>Closes the connections. The machine goes on.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await _shim.DisposeAsync();
        await Monitor.DisposeAsync();
        await _writer.DisposeAsync();
    }

    /// <summary>
    /// How a boot ended whose shim does not answer (any more). Never throws: a lock or a record that cannot be looked at now
    /// (no descriptor left, a disk that fails) proves nothing, and is looked at again; in the end it is silence.
    /// </summary>
    internal static Task<BootEnd> FindEndAsync(string nonce, MachinePaths paths, TimeProvider time) =>
        FindEndAsync(nonce, paths, time, tryAgain: null);

    // Null: no shim of this launch has written one.
    private static RunRecord? LoadRun(string nonce, MachinePaths paths)
    {
        try
        {
            var run = RunRecord.Load(paths.Directory);
            return run.Nonce == nonce ? run : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "The connection is the boot's, which disposes it.")]
    private static async Task<BootContact> OpenAsync(
        string id, MachinePaths paths, RunRecord run, ConsoleFeed console, TimeProvider time, CancellationToken ct)
    {
        var address = new ShimAddress(run, time);
        var shim = await address.OpenAsync(console.Grow, monitorSaid: null, ct);
        if (IsThatOf(shim, id, run))
            return new BootContact.Made(new SupervisedBoot(id, paths, run, console, address, shim, time));

        await shim.DisposeAsync();
        return new BootContact.Unreachable($"the process that listens at {run.ControlSocket} is not its shim");
    }

    // Where the connection broke, because a request before was given up, the next one is about to be made.
    private async Task<int> RequestAsync(FrameType type, byte[] payload, CancellationToken ct)
    {
        while (!_shim.IsUsable && !Ended.IsCompleted)
            await Task.Delay(LockProbe, _time, ct);

        return await _shim.RequestAsync(type, payload, ct);
    }

    private static bool IsThatOf(ShimConnection shim, string id, RunRecord run) =>
        shim.Welcome.MachineId == id && shim.Welcome.Nonce == run.Nonce;

    private async Task<BootEnd> WatchAsync()
    {
        while (true)
        {
            var broken = _shim;
            await broken.Closed;
            await broken.DisposeAsync();
            var end = await FindEndAsync(Run.Nonce, _paths, _time, broken.HasExited ? null : ReconnectAsync);
            if (_shim == broken)
                return end;
        }
    }

    // True if there is a new connection. A shim that takes the connection and does not answer is given up by the limit of the
    // search for an end.
    private async Task<bool> ReconnectAsync(CancellationToken ct)
    {
        if (_isDisposed)
            return false;

        try
        {
            var shim = await _address.OpenAsync(_console.Grow, monitorSaid: null, ct);
            if (!IsThatOf(shim, _id, Run))
            {
                await shim.DisposeAsync();
                return false;
            }

            _shim = shim;
            if (_isDisposed)
                await shim.DisposeAsync();

            return true;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return false;   // it ends, or hangs: the lock says which
        }
    }

    private static async Task<BootEnd> FindEndAsync(string nonce, MachinePaths paths, TimeProvider time, Func<CancellationToken, Task<bool>>? tryAgain)
    {
        using var limit = new CancellationTokenSource(LockLimit, time);
        var since = time.GetTimestamp();
        var tryAt = ConnectAgain;
        while (!limit.IsCancellationRequested)
        {
            if (TryFindEnd(nonce, paths) is { } end)
                return end;

            if (tryAgain is not null && time.GetElapsedTime(since) >= tryAt)
            {
                if (await tryAgain(limit.Token))
                    break;

                tryAt = time.GetElapsedTime(since) + ConnectAgain;
            }

            await Task.Delay(LockProbe, time, CancellationToken.None);
        }

        return new BootEnd.Silent();
    }

    private static BootEnd? TryFindEnd(string nonce, MachinePaths paths)
    {
        try
        {
            if (FileLock.IsHeld(paths.Lock))
                return null;

            var exit = ExitRecord.Load(paths.Directory);
            return exit.Nonce == nonce ? new BootEnd.Exited(exit) : new BootEnd.Lost();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or InvalidDataException)
        {
            return new BootEnd.Lost();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
