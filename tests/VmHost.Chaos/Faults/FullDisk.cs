using System.Globalization;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Chaos.Faults;

/// <summary>
/// A real disk, small, that is filled to the last few bytes while machines start, end and are deleted. Halts and deletions work, a start works or is refused, and once there is room again all is as it was said to be.
/// </summary>
internal sealed class FullDisk(Tally tally, int seed)
{
    private const int MaxLeft = 96 << 10;

    private readonly Random _random = new(seed);

    internal async Task RunAsync(int rounds)
    {
        await using var host = await Host.StartOnDiskAsync(tally, "3m");
        var ballast = Path.Combine(host.Daemon.VisibleStateDir, "ballast");
        for (var round = 0; round < rounds; round++)
        {
            var old = string.Create(CultureInfo.InvariantCulture, $"d{round}");
            var late = old + "-late";
            var machine = await host.CreateAsync(old, Guest(host), RestartMode.No);
            Fill(ballast, leave: _random.Next(MaxLeft));
            tally.Fault("a full disk");

            var started = await TryRunAsync(host, late);
            await DoAsync(host, "a halt on a full disk", () => host.Machines.HaltMachineAsync(new() { Machine = machine.Id }));
            await DoAsync(host, "a deletion on a full disk", () => host.Machines.DeleteMachineAsync(new() { Machine = machine.Id }));
            File.Delete(ballast);
            await host.SettleAsync("a disk that was full");

            var found = (await host.ListAsync()).FirstOrDefault(one => one.Name == late);
            if (started != (found?.HasHypervisorPid == true))
                tally.Violation("I4", $"{late} was {(started ? "started" : "refused")} on a full disk, and is {found?.State.ToString() ?? "gone"}");
            if (found is not null)
                await DoAsync(host, $"a forced deletion of {late}", () => host.Machines.DeleteMachineAsync(new() { Machine = found.Id, Force = true }));
        }
    }

    // What has to work whatever the disk does. Where it does not, the daemon's log says why, and is gone with this program.
    private async Task DoAsync<T>(Host host, string what, Func<AsyncUnaryCall<T>> call)
    {
        try
        {
            await call();
        }
        catch (RpcException e)
        {
            tally.Violation("8", $"{what} was answered by {e.StatusCode}: {e.Status.Detail}\n{host.Daemon.Log}");
        }
    }

    private async Task<bool> TryRunAsync(Host host, string name)
    {
        try
        {
            await host.Machines.RunMachineAsync(new() { Name = name, Spec = host.Spec(Guest(host)) }, deadline: Host.Deadline);
            return true;
        }
        catch (RpcException e)
        {
            if (e.StatusCode is not (StatusCode.ResourceExhausted or StatusCode.FailedPrecondition))
                tally.Violation("8", $"a start on a full disk was answered by {e.StatusCode}: {e.Status.Detail}");
            return false;
        }
    }

    // Its oracle is on another disk: the guest itself is not to suffer.
    private static string Guest(Host host) => $"clock;hang truth={Path.Combine(host.Daemon.Directory, "truth")}";

    private static void Fill(string path, int leave)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var block = new byte[4096];
        try
        {
            while (true)
                file.Write(block);
        }
        catch (IOException)
        {
            file.SetLength(Math.Max(0, file.Length - leave));
        }
    }
}
