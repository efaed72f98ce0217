using System.Collections;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>Bounds requests, by an error that names the limit and the field that exceeds it.</summary>
internal static class RequestSize
{
    /// <summary>The longest request, in bytes: paths, a kernel command line, annotations; the largest is console input of 64 KiB.</summary>
    internal const int MaxBytes = 256 << 10;

    /// <summary>The longest request that is received at all, so that the field can be named; it bounds the memory that a call takes.</summary>
    internal const int MaxReceivedBytes = 1 << 20;

    /// <summary>Refuses a request that is too large.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.ResourceExhausted"/>.</exception>
    internal static void Check(IMessage request)
    {
        var size = request.CalculateSize();
        if (size <= MaxBytes)
            return;

        var (field, fieldSize) = LargestField(request);
        if (fieldSize < size / 2)
            throw new VmHostException(VmHostError.ResourceExhausted, string.Create(CultureInfo.InvariantCulture, $"the request has {size} bytes, and at most {MaxBytes} are allowed; most of it is in many fields, or in fields that this version does not know")) { Reason = ErrorReason.RequestTooLarge };

        throw VmHostException.ForFaults(
            [new(field, string.Create(CultureInfo.InvariantCulture, $"has {fieldSize} bytes, which makes the request {size} bytes long, and at most {MaxBytes} are allowed; send less at once"))],
            VmHostError.ResourceExhausted,
            ErrorReason.RequestTooLarge);
    }

    // The path to the field that has most of the request: into a message as long as that one has most of it.
    private static (string Field, long Size) LargestField(IMessage message)
    {
        var largest = message.Descriptor.Fields.InFieldNumberOrder()
            .Select(field => (field.Name, Value: field.Accessor.GetValue(message)))
            .Select(field => (field.Name, field.Value, Size: SizeOf(field.Value)))
            .DefaultIfEmpty((Name: "", Value: new object(), Size: 0))
            .MaxBy(static field => field.Size);
        if (largest.Value is not IMessage inner)
            return (largest.Name, largest.Size);

        var (field, size) = LargestField(inner);
        return ($"{largest.Name}.{field}", size);
    }

    private static long SizeOf(object? value) =>
        value switch
        {
            IMessage message => message.CalculateSize(),
            string text => Encoding.UTF8.GetByteCount(text),
            ByteString bytes => bytes.Length,
            IDictionary map => map.Cast<DictionaryEntry>().Sum(static pair => SizeOf(pair.Key) + SizeOf(pair.Value)),
            IList list => list.Cast<object>().Sum(SizeOf),
            _ => 0,
        };
}
