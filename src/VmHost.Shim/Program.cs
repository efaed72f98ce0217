using VmHost.Posix;
using VmHost.Shim;

// The files that the daemon gives: 3 = the machine's lock, held as long as this process or the hypervisor lives;
// 4 = the machine's directory; 5 = a pipe for one line, how the start went.
const int MachineDirectory = 4;
const int ReportPipe = 5;

if (args is [ExecStep.Option, .. var step])
    return ExecStep.Run(step);

ExecStep.IsUsed |= args is [ExecStep.AlwaysOption];

Signals.Ignore(Signals.Hangup);
Signals.Ignore(Signals.Interrupt);
Signals.Ignore(Signals.Pipe);

// The daemon starts the shim with its signals blocked already, so that no thread of the runtime can be hit by one.
ShimSignals.Block();

try
{
    Descriptor.ChangeDirectory(MachineDirectory);
    Descriptor.Close(MachineDirectory);
}
catch (PosixException)
{
    Console.Error.WriteLine("vmhost-shim is started by vmhostd, one beside each machine; it is of no use by hand.");
    return 2;
}

return new MachineShim(new StartReport(ReportPipe), TimeProvider.System).Run();
