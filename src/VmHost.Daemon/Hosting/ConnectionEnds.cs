using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// Says in the log why the server gave up a client's connection, such as of one that does not answer any more. Kestrel tells it to
/// its metrics only: the instrument kestrel.connection.duration, whose error.type is the reason.
/// </summary>
internal sealed partial class ConnectionEnds : IDisposable
{
    private const string Meter = "Microsoft.AspNetCore.Server.Kestrel";
    private const string Instrument = "kestrel.connection.duration";
    private const string Reason = "error.type";
    private const string Client = "vmhost.client";

    // By the client's end, not by the server.
    private const string Reset = "connection_reset";

    private readonly MeterListener _listener = new();
    private readonly ILogger<ConnectionEnds> _logger;

    public ConnectionEnds(ILogger<ConnectionEnds> logger)
    {
        _logger = logger;
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == Meter && instrument.Name == Instrument)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) => Ended(seconds, tags));
        _listener.Start();
    }

    /// <summary>Lets the end of a connection be told with whose it was.</summary>
    internal static void Name(ConnectionContext connection, string client)
    {
        connection.Items[Client] = client;
        connection.Features.Get<IConnectionMetricsTagsFeature>()?.Tags.Add(new(Client, client));
    }

    /// <summary>The name that the connection got, for the log.</summary>
    internal static string NameOf(ConnectionContext connection) =>
        connection.Items.TryGetValue(Client, out var name) && name is string client ? client : "a client";

    public void Dispose() => _listener.Dispose();

    private void Ended(double seconds, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        object? client = null, reason = null;
        foreach (var tag in tags)
        {
            if (tag.Key == Client)
                client = tag.Value;
            else if (tag.Key == Reason)
                reason = tag.Value;
        }

        if (client is not null && reason is not null and not Reset)
            LogGivenUp(client, seconds, reason);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The connection of {Client} was given up after {Seconds:0} s: {Reason}.")]
    private partial void LogGivenUp(object client, double seconds, object reason);
}
