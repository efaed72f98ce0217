using Google.Protobuf;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>
/// Remembers for 10 minutes what was answered to a request with an id, so that a client that lost the answer may ask again
/// without anything being done twice. Safe for use by several calls at once.
/// </summary>
internal sealed class RequestMemory(TimeProvider time)
{
    private const int MaxIdLength = 64;
    private const int MaxRemembered = 1000;

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    // Guards _known.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _known = new(StringComparer.Ordinal);

    /// <summary>Does it, or waits for the answer of the one with the same id. Without an id it is just done.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: the id, or it came with another request.</exception>
    internal async Task<T> OnceAsync<T>(string id, IMessage request, Func<Task<T>> act)
        where T : IMessage
    {
        if (id.Length == 0)
            return await act();
        if (id.Length > MaxIdLength || !id.All(static letter => letter is > ' ' and <= '~'))
            throw VmHostException.ForFaults([new("request_id", $"must be 1 to {MaxIdLength} printable ASCII characters without spaces")]);

        Entry? entry;
        bool isFirst;
        lock (_lock)
        {
            Forget();
            isFirst = !_known.TryGetValue(id, out entry);
            if (isFirst)
                _known[id] = entry = new(request.Descriptor.FullName, CanonicalRequest.Of(request), time.GetTimestamp(), new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        // Not under the lock: a start that the disk holds up holds up no other call.
        if (isFirst)
            await CompleteAsync(id, entry!, act);

        if (entry!.Type != request.Descriptor.FullName || !entry.Request.Equals(CanonicalRequest.Of(request)))
            throw VmHostException.ForFaults([MachineRequest.IdFault], reason: ErrorReason.RequestIdReused);

        return (T)await entry.Answer.Task;
    }

    private async Task CompleteAsync<T>(string id, Entry entry, Func<Task<T>> act)
        where T : IMessage
    {
        try
        {
            entry.Answer.SetResult(await act());
        }
        catch (Exception e)
        {
            // Nothing came of it: the next one with this id may try again.
            lock (_lock)
                _known.Remove(id);
            entry.Answer.SetException(e);
        }
    }

    private void Forget()
    {
        if (_known.Count == 0)
            return;

        var answered = _known.Where(one => one.Value.Answer.Task.IsCompleted).OrderBy(one => one.Value.Since).ToList();
        var tooMany = _known.Count - MaxRemembered;
        foreach (var (id, _) in answered.Where((one, place) => place < tooMany || time.GetElapsedTime(one.Value.Since) > Lifetime))
            _known.Remove(id);
    }

    private sealed record Entry(string Type, ByteString Request, long Since, TaskCompletionSource<IMessage> Answer);
}
