using System.Text;
using CliWrap;
using CliWrap.Buffered;
using VmHost.Posix;

namespace VmHost.Hypervisors;

/// <summary>
/// Whether QEMU can run a guest by KVM. A device that opens may be of no use: where this host is a virtual machine whose own
/// virtualisation is half there, QEMU dies at its start. Tried with a guest of three instructions.
/// </summary>
/// <param name="environment">What QEMU runs with.</param>
/// <param name="time">The clock.</param>
internal sealed class KvmTrial(HypervisorEnvironment environment, TimeProvider time) : IDisposable
{
    private const int SignalBase = 128;
    private const int RomBytes = 64 << 10;
    private const int ResetVector = RomBytes - 16;

    // QEMU's isa-debug-exit ends QEMU with twice what the guest writes to its port, and one.
    private const byte Word = 0x11;
    private const byte Port = 0xF4;
    private const int Expected = (Word << 1) | 1;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    // What is in the way may go: a machine of VirtualBox's that ends, a module that is loaded.
    private static readonly TimeSpan TryAgain = TimeSpan.FromMinutes(1);

    // mov al, Word; out Port, al; hlt
    private static readonly byte[] Guest = [0xB0, Word, 0xE6, Port, 0xF4];

    // One trial at a time: who comes meanwhile gets its outcome. Guards _known.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private Known? _known;

    /// <summary>Tries it, unless that was done for this program: once where it worked, else a minute ago.</summary>
    /// <param name="qemu">Absolute path.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>Null when it could not be tried.</returns>
    internal async Task<KvmOutcome?> OutcomeAsync(string qemu, CancellationToken ct)
    {
        if (!FileStatus.TryGet(qemu, out var status))
            return null;

        var stamp = (qemu, status.Inode, status.Size, status.ModifiedAt);
        await _gate.WaitAsync(ct);
        try
        {
            if (_known is { } known && known.Stamp == stamp && (known.Outcome.Problem is null || time.GetElapsedTime(known.At) < TryAgain))
                return known.Outcome;

            var outcome = await TryAsync(qemu, "kvm", ct);
            if (outcome is not null)
                _known = new(stamp, outcome, time.GetTimestamp());
            return outcome;
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();

    /// <summary>Runs the guest.</summary>
    /// <param name="qemu">Absolute path.</param>
    /// <param name="accelerator">As QEMU calls it.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>As <see cref="OutcomeAsync"/>.</returns>
    internal async Task<KvmOutcome?> TryAsync(string qemu, string accelerator, CancellationToken ct)
    {
        DirectoryInfo directory;
        try
        {
            directory = Directory.CreateTempSubdirectory("vmhost-kvm-");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;   // nothing can be tried: the first machine will show it
        }

        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var rom = Path.Combine(directory.FullName, "rom");
            await File.WriteAllBytesAsync(rom, Rom(), ct);
            var result = await Cli.Wrap(qemu)
                .WithArguments(
                [
                    "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot", "-machine", $"q35,accel={accelerator}", "-cpu", "max", "-m", "16M",
                    "-bios", rom, "-device", $"isa-debug-exit,iobase=0x{Port:x},iosize=0x1",
                ])
                .WithWorkingDirectory(directory.FullName)
                .WithEnvironmentVariables(environment.Withheld)
                .WithValidation(CommandResultValidation.None)
                .ExecuteBufferedAsync(Encoding.UTF8, Encoding.UTF8, either.Token, CancellationToken.None);
            return new(result.ExitCode == Expected ? null : Said(result));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new($"its first instructions did not run within {Limit.TotalSeconds:0} s");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;   // as above
        }
        finally
        {
            Remove(directory);
        }
    }

    // What the disk does not let go of now is a small file in the directory for temporary files; it must not decide about a machine.
    private static void Remove(DirectoryInfo directory)
    {
        try
        {
            directory.Delete(recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left to whatever cleans that directory.
        }
    }

    private static byte[] Rom()
    {
        var rom = new byte[RomBytes];
        Guest.CopyTo(rom, ResetVector);
        return rom;
    }

    private static string Said(BufferedCommandResult result)
    {
        var end = result.ExitCode > SignalBase ? $"QEMU died of signal {result.ExitCode - SignalBase}" : $"QEMU ended with {result.ExitCode}";
        var lines = result.StandardError.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.Length > 0 ? $"{end}: {lines[0]}" : end;
    }

    private sealed record Known((string Path, ulong Inode, long Size, long ModifiedAt) Stamp, KvmOutcome Outcome, long At);
}
