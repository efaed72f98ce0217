using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>
/// The right to be the only one who types at a machine's console. It outlives a restart of the daemon, unless somebody else
/// was quicker. Disposing gives it back.
/// </summary>
public sealed class HeldConsole : IAsyncDisposable
{
    private readonly ConsoleService.ConsoleServiceClient _console;
    private readonly TimeProvider _time;
    private readonly HoldConsoleRequest _request;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _holding = Task.CompletedTask;

    private HeldConsole(ConsoleService.ConsoleServiceClient console, HoldConsoleRequest request, TimeProvider time) =>
        (_console, _request, _time) = (console, request, time);

    /// <summary>Goes with what is written; the same after a restart of the daemon.</summary>
    public string Token => _request.HoldToken;

    /// <summary>Completes when it is lost, with a sentence that says to whom or why; never faults.</summary>
    public Task<string> Lost => _lost.Task;

    /// <summary>Takes it. A daemon that is being restarted is waited for, at most 10 s.</summary>
    /// <param name="console">The service.</param>
    /// <param name="machine">Name or id.</param>
    /// <param name="holder">Who takes it, for people: 1 to 128 bytes.</param>
    /// <param name="force">Take it from whoever has it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up the taking.</param>
    /// <exception cref="RpcException">ABORTED: somebody else has it. Else as HoldConsole.</exception>
    public static async Task<HeldConsole> TakeAsync(
        ConsoleService.ConsoleServiceClient console, string machine, string holder, bool force, TimeProvider time, CancellationToken ct)
    {
        var held = new HeldConsole(console, new() { Machine = machine, Holder = holder, Force = force, HoldToken = Guid.NewGuid().ToString("N") }, time);
        try
        {
            var call = await Reconnection.UntilReachedAsync(held.BeginAsync, Reconnection.DefaultLimit, time, ct);

            // Who comes back after a restart of the daemon takes it from nobody.
            held._request.Force = false;
            held._holding = held.HoldAsync(call);
            return held;
        }
        catch
        {
            await held.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _holding;
        _stop.Dispose();
    }

    private async Task<AsyncServerStreamingCall<HoldConsoleResponse>> BeginAsync(CancellationToken ct)
    {
        var call = _console.HoldConsole(_request, cancellationToken: _stop.Token);
        try
        {
            if (!await call.ResponseStream.MoveNext(ct))
                throw new RpcException(new(StatusCode.Unavailable, "the daemon ended the call before it answered"));

            return call;
        }
        catch
        {
            call.Dispose();
            throw;
        }
    }

    private async Task HoldAsync(AsyncServerStreamingCall<HoldConsoleResponse> call)
    {
        try
        {
            while (true)
            {
                try
                {
                    if (!await call.ResponseStream.MoveNext(_stop.Token))
                        throw new RpcException(new(StatusCode.Unavailable, "the daemon ended the call"));

                    _lost.TrySetResult($"{call.ResponseStream.Current.LostTo} types now");
                    return;
                }
                catch (RpcException e) when (Reconnection.IsInterruption(e))
                {
                    call.Dispose();
                    call = await Reconnection.UntilReachedAsync(BeginAsync, Reconnection.DefaultLimit, _time, _stop.Token);
                }
            }
        }
        catch (Exception e) when (_stop.IsCancellationRequested && e is RpcException or OperationCanceledException)
        {
            // Given back.
        }
        catch (RpcException e)
        {
            _lost.TrySetResult(e.Status.Detail);
        }
        finally
        {
            call.Dispose();
        }
    }
}
