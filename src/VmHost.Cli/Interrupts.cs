using System.Runtime.InteropServices;
using VmHost.Cli.Terminal;

namespace VmHost.Cli;

/// <summary>
/// Ctrl-C and SIGTERM. At first the first one calls the command off; a command may take them over. One that is not
/// taken ends vmctl as if nobody listened, so that a stuck vmctl can be got rid of.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _calledOff = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    private volatile Func<bool> _take;

    internal Interrupts()
    {
        _take = CallOff;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
    }

    internal CancellationToken Token => _calledOff.Token;

    /// <summary>From now on signals go to <paramref name="take"/>, which returns false for one that it does not take.</summary>
    internal void TakeOver(Func<bool> take) => _take = take;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _calledOff.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = _take();
        if (!context.Cancel)
            RawTerminal.Restore();
    }

    private bool CallOff()
    {
        if (_calledOff.IsCancellationRequested)
            return false;

        _calledOff.Cancel();
        return true;
    }
}
