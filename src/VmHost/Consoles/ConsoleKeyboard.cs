namespace VmHost.Consoles;

/// <summary>
/// Who writes to a console: one at a time, if anybody asks for it, and whoever likes while nobody does. The daemon's memory
/// only: after its restart nobody holds the keyboard, and those who did ask again.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class ConsoleKeyboard(TimeProvider time)
{
    // Guards _hold.
    private readonly Lock _lock = new();
    private ConsoleHold? _hold;

    /// <summary>Makes the caller the only writer, until that is released or taken.</summary>
    /// <param name="holder">Who that is, for people.</param>
    /// <param name="force">Take it from whoever has it.</param>
    /// <param name="token">Proves the hold; only the caller knows it. Whoever has it comes back to their own.</param>
    /// <param name="hold">The caller's; of whoever else has it when this returns false.</param>
    public bool TryHold(string holder, bool force, string token, out ConsoleHold hold)
    {
        lock (_lock)
        {
            if (_hold is { } other && other.Token != token && !force)
            {
                hold = other;
                return false;
            }

            _hold?.LoseTo(holder);
            hold = _hold = new ConsoleHold(holder, token, time.GetUtcNow());
            return true;
        }
    }

    /// <summary>Whoever keeps the owner of <paramref name="token"/> from writing; null when nobody does.</summary>
    public ConsoleHold? HeldAgainst(string token)
    {
        lock (_lock)
            return _hold?.Token == token ? null : _hold;
    }

    /// <summary>Gives it back. Does nothing once it was taken.</summary>
    public void Release(ConsoleHold hold)
    {
        lock (_lock)
        {
            if (_hold == hold)
                _hold = null;
        }
    }
}

/// <summary>The right to be the only one who writes to a console.</summary>
public sealed class ConsoleHold
{
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal ConsoleHold(string holder, string token, DateTimeOffset since) => (Holder, Token, Since) = (holder, token, since);

    /// <summary>Proves it. Only its owner knows it.</summary>
    public string Token { get; }

    /// <summary>Who has it, for people.</summary>
    public string Holder { get; }

    /// <summary>Since when.</summary>
    public DateTimeOffset Since { get; }

    /// <summary>Completes when somebody else took it, with who that is.</summary>
    public Task<string> Lost => _lost.Task;

    internal void LoseTo(string holder) => _lost.TrySetResult(holder);
}
