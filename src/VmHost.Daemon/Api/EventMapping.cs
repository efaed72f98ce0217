using Google.Protobuf.WellKnownTypes;
using VmHost.Machines.Events;
using VmHost.Protocol.V1;

namespace VmHost.Daemon.Api;

/// <summary>From the engine's events to messages.</summary>
internal static class EventMapping
{
    internal static Event ToProto(HostEvent happened)
    {
        var message = new Event
        {
            Sequence = happened.Sequence,
            Time = Timestamp.FromDateTimeOffset(happened.Time),
            Kind = ToProto(happened.Kind),
            MachineId = happened.MachineId ?? "",
            MachineName = happened.Machine ?? "",
            State = happened.State is { } state ? MachineMapping.ToProto(state) : MachineState.Unspecified,
            Detail = happened.Detail,
            Boot = happened.Boot,
            HaltStep = ToProto(happened.Step),
        };
        if (happened.Labels is { } labels)
            message.MachineLabels.Add(labels);
        if (happened.Exit is { } exit)
        {
            message.Exit = new() { Reason = MachineMapping.ToProto(exit.Reason), Expected = exit.Expected, GuestFault = MachineMapping.ToProto(exit.Fault) };
            if (exit.Code is { } code)
                message.Exit.Code = code;
            if (exit.Signal is { } signal)
                message.Exit.Signal = signal;
        }

        return message;
    }

    private static EventKind ToProto(HostEventKind kind) =>
        kind switch
        {
            HostEventKind.DaemonStarted => EventKind.DaemonStarted,
            HostEventKind.DaemonStopping => EventKind.DaemonStopping,
            HostEventKind.MachineCreated => EventKind.MachineCreated,
            HostEventKind.MachineState => EventKind.MachineState,
            HostEventKind.MachineHalting => EventKind.MachineHalting,
            HostEventKind.MachineUpdated => EventKind.MachineUpdated,
            HostEventKind.MachineDeleted => EventKind.MachineDeleted,
            _ => EventKind.Unspecified,
        };

    private static HaltStep ToProto(Supervision.HaltStep step) =>
        step switch
        {
            Supervision.HaltStep.ButtonPressed => HaltStep.ButtonPressed,
            Supervision.HaltStep.ButtonFailed => HaltStep.ButtonFailed,
            Supervision.HaltStep.LineTyped => HaltStep.LineTyped,
            Supervision.HaltStep.Killed => HaltStep.Killed,
            Supervision.HaltStep.Reaped => HaltStep.Reaped,
            Supervision.HaltStep.GivenUp => HaltStep.GivenUp,
            _ => HaltStep.Unspecified,
        };
}
