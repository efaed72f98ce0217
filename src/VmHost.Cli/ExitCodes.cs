using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Cli;

/// <summary>What vmctl exits with; documented at the end of its help.</summary>
internal static class ExitCodes
{
    internal const int Ok = 0;
    internal const int Failed = 1;
    internal const int Usage = 2;
    internal const int Unreachable = 3;
    internal const int NotFound = 4;
    internal const int Conflict = 5;
    internal const int Permission = 6;
    internal const int GuestReset = 10;
    internal const int GuestCrashed = 11;
    internal const int TimedOut = 124;
    internal const int Refused = 125;
    internal const int Interrupted = 130;
    private const int SignalBase = 128;

    internal static int Of(StatusCode code) =>
        code switch
        {
            StatusCode.NotFound => NotFound,
            StatusCode.FailedPrecondition or StatusCode.AlreadyExists or StatusCode.Aborted => Conflict,
            StatusCode.PermissionDenied => Permission,
            StatusCode.DeadlineExceeded => TimedOut,
            StatusCode.InvalidArgument or StatusCode.OutOfRange => Usage,
            StatusCode.Unavailable => Unreachable,
            StatusCode.Cancelled => Interrupted,
            _ => Failed,
        };

    /// <summary>For <c>wait</c>, which ends as its machine did.</summary>
    internal static int OfWait(MachineExit? exit) =>
        exit switch
        {
            null => Failed,
            { Reason: ExitReason.PowerOff or ExitReason.Halt } => Ok,
            { Reason: ExitReason.Reset } => GuestReset,
            { Reason: ExitReason.Panic or ExitReason.TripleFault } => GuestCrashed,
            { Reason: ExitReason.StartFailed } => Failed,
            { HasSignal: true } => SignalBase + exit.Signal,
            _ => Failed,
        };

    /// <summary>For <c>run</c>: as <c>wait</c>, but a guest that never ran is as good as refused.</summary>
    internal static int OfRun(MachineExit? exit) => exit?.Reason == ExitReason.StartFailed ? Refused : OfWait(exit);
}
