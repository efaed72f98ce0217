using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.Specs;

namespace VmHost.Supervision;

/// <summary>One boot that runs: its shim answers, and proved that it is the one that was launched.</summary>
public sealed class SupervisedBoot : IAsyncDisposable
{
    // Between the end of a shim's connection and the freeing of its lock the kernel tears down two processes.
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LockProbe = TimeSpan.FromMilliseconds(5);

    private readonly MachinePaths _paths;
    private readonly TimeProvider _time;
    private readonly ShimConnection _shim;
    private readonly ConsoleWriter _writer;

    private SupervisedBoot(MachinePaths paths, RunRecord run, ShimConnection shim, TimeProvider time)
    {
        (_paths, Run, _shim, _time) = (paths, run, shim, time);
        _writer = new ConsoleWriter(run.ControlSocket);
        Ended = WatchAsync();
    }

    /// <summary>What the shim wrote when it had started the hypervisor.</summary>
    public RunRecord Run { get; }

    /// <summary>Completes when the shim is gone; never faults.</summary>
    public Task<BootEnd> Ended { get; }

    /// <summary>Connects to the shim of a boot, and checks that it is that boot's.</summary>
    /// <param name="id">The machine's.</param>
    /// <param name="nonce">The launch's.</param>
    /// <param name="paths">The machine's.</param>
    /// <param name="console">Told how the journal grows.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>Null when no such shim answers.</returns>
    [SuppressMessage("Reliability", "CA2000", Justification = "The connection is the boot's, which disposes it.")]
    internal static async Task<SupervisedBoot?> ConnectAsync(
        string id, string nonce, MachinePaths paths, ConsoleFeed console, TimeProvider time, CancellationToken ct)
    {
        try
        {
            var run = RunRecord.Load(paths.Directory);
            if (run.Nonce != nonce)
                return null;

            var boot = new SupervisedBoot(paths, run, await ShimConnection.OpenAsync(run.ControlSocket, console.Grow, ct), time);
            if (boot._shim.Welcome.MachineId == id && boot._shim.Welcome.Nonce == nonce)
                return boot;

            await boot.DisposeAsync();
            return null;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or SocketException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Sends the hypervisor a signal, through its parent: its number cannot have passed to another process.</summary>
    /// <exception cref="IOException">The shim went away; <see cref="Ended"/> tells more.</exception>
    public async Task SignalAsync(int signal, CancellationToken ct)
    {
        var payload = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(payload, signal);
        var error = await _shim.RequestAsync(FrameType.Signal, payload, ct);
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
            var error = await _shim.RequestAsync(FrameType.Resize, payload, ct);
            if (error != 0)
                throw new VmHostException(VmHostError.FailedPrecondition, new PosixException("the console takes no size", error).Message);
        }
        catch (IOException)
        {
            // It is gone, or about to go.
        }
    }

    /// <summary>Closes the connection. The machine goes on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _shim.DisposeAsync();
        await _writer.DisposeAsync();
    }

    private async Task<BootEnd> WatchAsync()
    {
        await _shim.Closed;
        return await FindEndAsync(Run.Nonce, _paths, _time);
    }

    /// <summary>
    /// How a boot ended whose shim does not answer (any more). Never throws: a lock or a record that cannot be looked at now
    /// (no descriptor left, a disk that fails) proves nothing, and is looked at again; in the end it is silence.
    /// </summary>
    internal static async Task<BootEnd> FindEndAsync(string nonce, MachinePaths paths, TimeProvider time)
    {
        var since = time.GetTimestamp();
        while (time.GetElapsedTime(since) < LockLimit)
        {
            if (TryFindEnd(nonce, paths) is { } end)
                return end;

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
