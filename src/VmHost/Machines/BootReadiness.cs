using Polly;
using Polly.Retry;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>Finds out that a hypervisor got as far as running the guest, or did not.</summary>
internal sealed class BootReadiness(TimeProvider time)
{
    // xhyve, HyperKit and vfkit give no sign of a start that went well, and a guest without console= writes nothing: who
    // lives that long has set everything up. They fail at their devices and files in far less.
    private static readonly TimeSpan LongEnoughToFail = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Returns when the first console byte came, or QEMU's monitor greets, which it does once the machine is set up, or
    /// any other hypervisor lived for 2 s: true. False when the connection to the shim closed before.
    /// </summary>
    internal async Task<bool> WaitAsync(SupervisedBoot boot, ControlChannel channel, ConsoleFeed console)
    {
        using var stop = new CancellationTokenSource();
        var greeted = channel == ControlChannel.Qmp ? GreetedAsync(boot, stop.Token) : LivesAsync(stop.Token);
        var wrote = WroteAsync(console, boot.Run.ConsoleBegin, stop.Token);
        var first = await Task.WhenAny(greeted, wrote, boot.Closed);
        var ready = first != boot.Closed && await (Task<bool>)first;

        await stop.CancelAsync();
        return ready;
    }

    private async Task<bool> GreetedAsync(SupervisedBoot boot, CancellationToken ct)
    {
        var untilThere = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<IOException>(),
                MaxRetryAttempts = int.MaxValue,
                Delay = TimeSpan.FromMilliseconds(20),
            })
            .Build();
        try
        {
            await untilThere.ExecuteAsync(async token => await boot.Monitor.OpenAsync(token), ct);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> LivesAsync(CancellationToken ct)
    {
        try
        {
            await Task.Delay(LongEnoughToFail, time, ct);
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
