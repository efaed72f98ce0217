using System.Net.Sockets;
using Polly;
using Polly.Retry;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Supervision;
using VmHost.Supervision.Qmp;

namespace VmHost.Machines;

/// <summary>Finds out that a hypervisor got as far as running the guest, or did not.</summary>
internal sealed class BootReadiness(TimeProvider time)
{
    // A hypervisor that has done neither by then hangs.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Returns when the monitor greets, which QEMU does once the machine is set up, or the first console byte came:
    /// true. False when it ended before, or did neither in 60 s.
    /// </summary>
    internal async Task<bool> WaitAsync(SupervisedBoot boot, MachinePaths paths, ConsoleFeed console)
    {
        using var stop = new CancellationTokenSource(Limit, time);
        var greeted = GreetedAsync(paths.QmpSocket, stop.Token);
        var wrote = WroteAsync(console, boot.Run.ConsoleBegin, stop.Token);
        var first = await Task.WhenAny(greeted, wrote, boot.Ended);
        var ready = first != boot.Ended && await (Task<bool>)first;

        await stop.CancelAsync();
        return ready;
    }

    private async Task<bool> GreetedAsync(string socket, CancellationToken ct)
    {
        var untilThere = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<SocketException>().Handle<IOException>(),
                MaxRetryAttempts = int.MaxValue,
                Delay = TimeSpan.FromMilliseconds(20),
            })
            .Build();
        try
        {
            await untilThere.ExecuteAsync(
                async token =>
                {
                    using var monitor = await QmpClient.ConnectAsync(socket, token);
                },
                ct);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task<bool> WroteAsync(ConsoleFeed console, long begin, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                var (state, changed) = console.Current;
                if (state.End > begin)
                    return true;

                await changed.WaitAsync(ct);
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
