using VmHost.Consoles;
using VmHost.ShimContract.Records;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>The part that has to do with the console.</summary>
public sealed partial class Machine
{
    /// <summary>Its console.</summary>
    public ConsoleFeed Console { get; }

    /// <summary>Where the console output of the current or last boot begins; 0 when that is not known.</summary>
    public long BootConsoleBegin
    {
        get
        {
            if (Volatile.Read(ref _boot) is { } boot)
                return boot.Run.ConsoleBegin;

            try
            {
                return RunRecord.Load(Paths.Directory).ConsoleBegin;
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                return 0;   // it never ran, or its records are damaged: all of its output is its last boot's
            }
        }
    }

    /// <summary>Writes to its console.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: it does not run.</exception>
    public async Task WriteConsoleAsync(ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        // Without the gate: a boot that ends meanwhile refuses the input itself.
        var boot = Volatile.Read(ref _boot) ?? throw new VmHostException(VmHostError.FailedPrecondition, $"machine {_snapshot.Name} does not run; start it with: vmctl start {_snapshot.Name}");
        await boot.WriteConsoleAsync(data, ct);
    }
}
