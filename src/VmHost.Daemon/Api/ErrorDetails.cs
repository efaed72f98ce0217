using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using VmHost.Specs;
using Status = Google.Rpc.Status;

namespace VmHost.Daemon.Api;

/// <summary>Statuses with their details: an ErrorInfo for every one, and what else google.rpc has for the case.</summary>
internal static class ErrorDetails
{
    internal const string Domain = "vmhost";

    private const string MachineType = "vmhost.v1.Machine";

    // In characters, of which some become three in the headers. Some clients take 8 KiB of them in all, and drop the whole status beyond.
    private const int MaxMessage = 2000;
    private const int MaxViolations = 20;
    private const int MinViolation = 40;

    /// <summary>The status of an error of the engine.</summary>
    internal static Status Of(VmHostException e)
    {
        var status = Of(ToStatusCode(e.Error), e.Message, e.Reason, e.Metadata);
        if (!e.Faults.IsEmpty)
        {
            status.Details.Add(Any.Pack(new BadRequest
            {
                FieldViolations =
                {
                    e.Faults.Take(MaxViolations).Select(fault => new BadRequest.Types.FieldViolation { Field = fault.Field, Description = Shortened(fault.Message, RoomFor(fault, e.Faults.Length)) }),
                },
            }));
        }

        if (ClosestOf(e) is { } detail)
            status.Details.Add(Any.Pack(detail));
        return status;
    }

    /// <summary>A status that the daemon itself makes.</summary>
    internal static Status Of(StatusCode code, string message, ErrorReason reason, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var info = new ErrorInfo { Domain = Domain, Reason = NameOf(reason) };
        info.Metadata.Add(metadata?.ToDictionary(StringComparer.Ordinal) ?? []);
        return new() { Code = (int)code, Message = Shortened(message, MaxMessage), Details = { Any.Pack(info) } };
    }

    // All violations together have as much room as a message.
    private static int RoomFor(SpecFault fault, int count) =>
        count == 1 ? MaxMessage : Math.Max(MinViolation, (MaxMessage / Math.Min(count, MaxViolations)) - fault.Field.Length);

    // The end has what a hypervisor said last.
    private static string Shortened(string text, int max) => text.Length <= max ? text : $"{text[..(max / 2)]} … {text[^(max / 2)..]}";

    /// <summary>The name of a reason on the wire, such as MACHINE_NOT_FOUND.</summary>
    internal static string NameOf(ErrorReason reason) => JsonNamingPolicy.SnakeCaseUpper.ConvertName(reason.ToString());

    internal static StatusCode ToStatusCode(VmHostError error) =>
        error switch
        {
            VmHostError.InvalidArgument => StatusCode.InvalidArgument,
            VmHostError.NotFound => StatusCode.NotFound,
            VmHostError.AlreadyExists => StatusCode.AlreadyExists,
            VmHostError.FailedPrecondition => StatusCode.FailedPrecondition,
            VmHostError.HypervisorFailed => StatusCode.FailedPrecondition,   // Unavailable would read as 'daemon unreachable'
            VmHostError.Aborted => StatusCode.Aborted,
            VmHostError.ResourceExhausted => StatusCode.ResourceExhausted,
            VmHostError.OutOfRange => StatusCode.OutOfRange,
            VmHostError.DeadlineExceeded or VmHostError.Unavailable => StatusCode.DeadlineExceeded,   // of the host, within the daemon's limit
            VmHostError.DataLoss => StatusCode.DataLoss,
            _ => StatusCode.Internal,
        };

    private static IMessage? ClosestOf(VmHostException e)
    {
        var machine = e.Metadata.GetValueOrDefault("machine", "");
        return e.Reason switch
        {
            ErrorReason.MachineLimit or ErrorReason.MemoryLimit or ErrorReason.DiskSpaceLow or ErrorReason.RequestLimit =>
                new QuotaFailure { Violations = { new QuotaFailure.Types.Violation { Subject = machine.Length > 0 ? $"machines/{machine}" : "host" } } },
            ErrorReason.MachineNotFound or ErrorReason.NameTaken => new ResourceInfo { ResourceType = MachineType, ResourceName = machine },
            _ when e.Error == VmHostError.FailedPrecondition && e.Faults.IsEmpty =>
                new PreconditionFailure { Violations = { new PreconditionFailure.Types.Violation { Type = NameOf(e.Reason), Subject = machine.Length > 0 ? $"machines/{machine}" : "host" } } },
            _ => null,
        };
    }
}
