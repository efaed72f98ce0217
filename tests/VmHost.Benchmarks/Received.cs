using System.IO.Hashing;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Benchmarks;

/// <summary>What came over a stream of console output. Bare streams are read the same way, so the hashing costs both alike.</summary>
internal sealed class Received
{
    private readonly XxHash3 _hash = new();
    private long _next;
    private bool _hasGap;

    private Received()
    {
    }

    /// <summary>When the first piece came; 0 when none did.</summary>
    internal long First { get; private set; }

    /// <summary>When the end was seen.</summary>
    internal long Last { get; private set; }

    /// <summary>From the first piece to the end.</summary>
    internal TimeSpan Took => TimeProvider.System.GetElapsedTime(First, Last);

    /// <summary>Reads a stream to its end.</summary>
    internal static async Task<Received> DrainAsync(AsyncServerStreamingCall<ReadConsoleResponse> call)
    {
        var received = new Received();
        using (call)
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
                received.Add(call.ResponseStream.Current);
        }

        received.Last = TimeProvider.System.GetTimestamp();
        return received;
    }

    /// <summary>Whether all of a file came, in order, each byte once, and as it is there.</summary>
    internal bool IsWhole(string file) => !_hasGap && _hash.GetCurrentHashAsUInt64() == HashOf(file);

    /// <summary>Of a file's bytes: two of the same hash hold the same.</summary>
    internal static ulong HashOf(string path)
    {
        using var file = File.OpenRead(path);
        var hash = new XxHash3();
        hash.Append(file);
        return hash.GetCurrentHashAsUInt64();
    }

    private void Add(ReadConsoleResponse piece)
    {
        // The daemon's first message has no data.
        if (First == 0 && piece.Data.Length > 0)
            First = TimeProvider.System.GetTimestamp();
        _hasGap |= piece.Offset != _next || piece.GapBytes != 0;
        _next = piece.Offset + piece.Data.Length;
        _hash.Append(piece.Data.Span);
    }
}
