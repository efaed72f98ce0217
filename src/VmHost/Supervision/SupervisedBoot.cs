using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.Specs;
using VmHost.Supervision.Qmp;

namespace VmHost.Supervision;

/// <summary>One boot that runs: its shim answers, and proved that it is the one that was launched.</summary>
public sealed class SupervisedBoot : IAsyncDisposable
{
    private readonly ShimConnection _shim;
    private readonly ConsoleWriter _writer;

    private SupervisedBoot(MachinePaths paths, RunRecord run, ShimAddress address, ShimConnection shim, TimeProvider time)
    {
        (Run, _shim) = (run, shim);
        _writer = new ConsoleWriter(address, run.InputAt);
        Monitor = new BootMonitor(run, paths, address, time);
    }

    /// <summary>What the shim wrote when it had started the hypervisor.</summary>
    public RunRecord Run { get; }

    /// <summary>Completes when the connection is closed, for example as the shim is gone; never faults.</summary>
    public Task Closed => _shim.Closed;

    /// <summary>QEMU's monitor. Other hypervisors have none, and every request to it fails.</summary>
    internal BootMonitor Monitor { get; }

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
        RunRecord? run;
        BootOwner owner;
        try
        {
            run = LoadRun(nonce, paths);
            if (run is null)
                return FileLock.IsHeld(paths.Lock) ? new BootContact.Unreachable("its shim has not written its record yet") : new BootContact.Ended();

            owner = BootOwnership.Of(run, paths);
        }
        catch (InvalidDataException e)
        {
            return new BootContact.Unreachable(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new BootContact.Unexamined(e.Message);
        }

        return owner switch
        {
            BootOwner.AnotherDirectory => new BootContact.Foreign(BootOwnership.CopyReason),
            BootOwner.Nobody => new BootContact.Ended(),
            _ => await OpenAsync(id, paths, run, console, time, ct),
        };
    }

    /// <summary>Sends the hypervisor a signal, through its parent: its number cannot have passed to another process.</summary>
    /// <exception cref="IOException">The shim went away; <see cref="Closed"/> completes.</exception>
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
    public Task WriteConsoleAsync(ReadOnlyMemory<byte> data, CancellationToken ct) => _writer.WriteAsync(data, at: null, ct);

    /// <summary>As the other one, for input that is written once however often it is sent.</summary>
    /// <param name="data">What a keyboard would send.</param>
    /// <param name="at">Its place in a client's input.</param>
    /// <param name="ct">Gives up; a part may have been written.</param>
    public Task WriteConsoleAsync(ReadOnlyMemory<byte> data, InputAt at, CancellationToken ct) => _writer.WriteAsync(data, at, ct);

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
                throw new VmHostException(VmHostError.FailedPrecondition, new PosixException("the console takes no size", error).Message) { Reason = ErrorReason.NotPossibleNow };
        }
        catch (IOException)
        {
            // It is gone, or about to go.
        }
    }

    /// <summary>Closes the connections. The machine goes on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _shim.DisposeAsync();
        await Monitor.DisposeAsync();
        await _writer.DisposeAsync();
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "The connection is the boot's, which disposes it.")]
    private static async Task<BootContact> OpenAsync(
        string id, MachinePaths paths, RunRecord run, ConsoleFeed console, TimeProvider time, CancellationToken ct)
    {
        var address = new ShimAddress(run, time);
        ShimConnection shim;
        try
        {
            shim = await address.OpenAsync(console.Grow, monitorSaid: null, ct);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new BootContact.Unreachable(e.Message);
        }

        if (IsThatOf(shim, id, run))
            return new BootContact.Made(new SupervisedBoot(paths, run, address, shim, time));

        await shim.DisposeAsync();
        return new BootContact.Unreachable($"the process that listens at {run.ControlSocket} is not its shim");
    }

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

    private static bool IsThatOf(ShimConnection shim, string id, RunRecord run) =>
        shim.Welcome.MachineId == id && shim.Welcome.Nonce == run.Nonce;
}
