using System.Runtime.InteropServices;
using VmHost.Cli.Terminal;

namespace VmHost.Cli;

/// <summary>
/// Ctrl-C and SIGTERM. The first signal cancels the command; a command may take the signals over. A signal that is not
/// taken ends vmctl by the signal's default action, so that a stuck vmctl can be ended. <see cref="RepeatedSignals"/> are ignored.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _calledOff = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    private readonly RepeatedSignals _repeated;

    // Guards the fields below, not what a signal leads to: the next signal has to end a vmctl that is stuck there.
    private readonly Lock _lock = new();

    // Null until a command takes the signals over.
    private Func<bool>? _take;
    private bool _isCalledOff;

    /// <param name="time">The clock.</param>
    internal Interrupts(TimeProvider time)
    {
        _repeated = new(time);
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
    }

    internal CancellationToken Token => _calledOff.Token;

    /// <summary>
    /// From now on signals go to <paramref name="take"/>, which returns false for a signal that it does not take. A signal that came
    /// before, and that no one else heeds any more, goes to it at once.
    /// </summary>
    internal void TakeOver(Func<bool> take)
    {
        bool missed;
        lock (_lock)
        {
            _take = take;
            missed = _isCalledOff;
        }

        if (missed)
            take();
    }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _calledOff.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = Handle();
        if (!context.Cancel)
            RawTerminal.Restore();
    }

    /// <summary>Handles a signal that arrives now.</summary>
    /// <returns>False if the signal's default action is to end vmctl.</returns>
    internal bool Handle()
    {
        Func<bool>? take;
        lock (_lock)
        {
            if (!_repeated.Counts())
                return true;

            take = _take;
            if (take is null)
            {
                if (_isCalledOff)
                    return false;
                _isCalledOff = true;
            }
        }

        if (take is not null)
            return take();

        _calledOff.Cancel();
        return true;
    }
}
