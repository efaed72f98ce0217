using System.Globalization;
using System.Text.Json;
using VmHost.Posix;

namespace VmHost.ShimContract.Records;

/// <summary>How a boot ended: written by the shim, the hypervisor's parent, so that it is true whoever else lives.</summary>
public sealed record ExitRecord
{
    public required int Boot { get; init; }

    public required string Nonce { get; init; }

    /// <summary>The hypervisor's exit code; null when a signal ended it or it never ran.</summary>
    public int? Code { get; init; }

    /// <summary>The signal that ended it.</summary>
    public int? Signal { get; init; }

    /// <summary>Why it never ran; null when it did.</summary>
    public string? StartError { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset EndedAt { get; init; }

    /// <summary>By a clock that does not jump.</summary>
    public TimeSpan RanFor { get; init; }

    /// <summary>Processor time of the hypervisor.</summary>
    public TimeSpan UserTime { get; init; }

    public TimeSpan SystemTime { get; init; }

    /// <summary>This boot's range in the journal.</summary>
    public required long ConsoleBegin { get; init; }

    public required long ConsoleEnd { get; init; }

    /// <summary>Bytes of that range that the disk refused.</summary>
    public long ConsoleLostBytes { get; init; }

    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string directory) =>
        AtomicFile.ReplaceDurably(Path.Combine(directory, RecordFile.Exit), RecordFile.ToJson(json =>
        {
            json.WriteNumber("boot", Boot);
            json.WriteString("nonce", Nonce);
            if (Code is { } code)
                json.WriteNumber("code", code);
            if (Signal is { } signal)
                json.WriteNumber("signal", signal);
            if (StartError is { } error)
                json.WriteString("start_error", error);
            json.WriteString("started_at", StartedAt.ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("ended_at", EndedAt.ToString("O", CultureInfo.InvariantCulture));
            json.WriteNumber("ran_for_ns", (long)RanFor.TotalNanoseconds);
            json.WriteNumber("user_ns", (long)UserTime.TotalNanoseconds);
            json.WriteNumber("system_ns", (long)SystemTime.TotalNanoseconds);
            json.WriteNumber("console_begin", ConsoleBegin);
            json.WriteNumber("console_end", ConsoleEnd);
            json.WriteNumber("console_lost_bytes", ConsoleLostBytes);
        }));

    /// <exception cref="IOException">There is none, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static ExitRecord Load(string directory) =>
        RecordFile.FromJson(Path.Combine(directory, RecordFile.Exit), json => new ExitRecord
        {
            Boot = json.GetProperty("boot").GetInt32(),
            Nonce = json.GetProperty("nonce").GetString()!,
            Code = json.TryGetProperty("code", out var code) ? code.GetInt32() : null,
            Signal = json.TryGetProperty("signal", out var signal) ? signal.GetInt32() : null,
            StartError = json.TryGetProperty("start_error", out var error) ? error.GetString() : null,
            StartedAt = json.GetProperty("started_at").GetDateTimeOffset(),
            EndedAt = json.GetProperty("ended_at").GetDateTimeOffset(),
            RanFor = Nanoseconds(json, "ran_for_ns"),
            UserTime = Nanoseconds(json, "user_ns"),
            SystemTime = Nanoseconds(json, "system_ns"),
            ConsoleBegin = json.GetProperty("console_begin").GetInt64(),
            ConsoleEnd = json.GetProperty("console_end").GetInt64(),
            ConsoleLostBytes = json.GetProperty("console_lost_bytes").GetInt64(),
        });

    private static TimeSpan Nanoseconds(JsonElement json, string name) =>
        TimeSpan.FromTicks(json.GetProperty(name).GetInt64() / TimeSpan.NanosecondsPerTick);
}
