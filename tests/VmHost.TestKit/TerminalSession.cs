using System.Diagnostics;
using System.Text;
using VmHost.Posix;

namespace VmHost.TestKit;

/// <summary>A program on a terminal of its own, as a person has it; what it shows is collected.</summary>
public sealed class TerminalSession : IDisposable
{
    // No program writes this. The kernel delivers what is written to a terminal in order, and some time after the write.
    private const string EndMark = "\0end of the session\0";

    private static readonly TimeSpan ExitLimit = TimeSpan.FromSeconds(60);

    private readonly PseudoTerminal _terminal = PseudoTerminal.Open();
    private readonly StringBuilder _shown = new();
    private readonly Task<ChildExit> _exit;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isMarked;

    private TerminalSession(string program, IReadOnlyList<string> arguments)
    {
        // As a shell leaves it; a new one is raw.
        Stty("sane");
        Before = Stty("-g");
        using var spawn = new ProcessSpawn();
        spawn.Open(0, _terminal.SlavePath, Descriptor.ReadWrite);
        spawn.Give(0, 1);
        spawn.Give(0, 2);
        Pid = spawn.Start(program, arguments, firstClosed: 3);
        _ = Task.Run(ReadAll);
        _exit = Task.Run(() => ChildProcess.Wait(Pid));
    }

    public int Pid { get; }

    /// <summary>The terminal's settings before the program began.</summary>
    public string Before { get; }

    public string Settings => Stty("-g");

    public string Shown
    {
        get
        {
            lock (_shown)
                return _shown.ToString();
        }
    }

    public static TerminalSession Start(string program, params string[] arguments) => new(program, arguments);

    public void Type(string text) => Type(Encoding.Latin1.GetBytes(text));

    public void Type(ReadOnlySpan<byte> keys)
    {
        while (!keys.IsEmpty)
        {
            Span<PollEntry> entries = [new() { Descriptor = _terminal.Master, Wanted = PollEvents.Writable }];
            Poll.Wait(entries, -1);
            var count = Descriptor.Write(_terminal.Master, keys);
            if (count > 0)
                keys = keys[count..];
        }
    }

    /// <summary>Returns once the program has the keys for itself: before that Ctrl-C is a signal, and the terminal echoes.</summary>
    public Task RawAsync() => Eventually.TrueAsync(() => Settings != Before, "the terminal is raw");

    /// <summary>As a person who drags the window's corner.</summary>
    public void Resize(ushort columns, ushort rows) => _terminal.Resize(columns, rows);

    public async Task ShowsAsync(string text)
    {
        try
        {
            await Eventually.TrueAsync(() => Shown.Contains(text, StringComparison.Ordinal), $"the terminal shows '{text}'");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}; it shows:\n{Shown}", e);
        }
    }

    /// <summary>Returns once the program ended and <see cref="Shown"/> has all that it wrote.</summary>
    public async Task<ChildExit> ExitAsync()
    {
        var exit = await _exit.WaitAsync(ExitLimit, TimeProvider.System);
        if (Interlocked.Exchange(ref _isMarked, 1) == 0)
            Descriptor.Write(_terminal.Slave, Encoding.Latin1.GetBytes(EndMark));

        await _drained.Task.WaitAsync(ExitLimit, TimeProvider.System);
        return exit;
    }

    public void Dispose()
    {
        if (!_exit.IsCompleted)
            Signals.Send(Pid, Signals.Kill);

        _exit.Wait();
        Descriptor.Close(_terminal.Slave);
    }

    private string Stty(string what)
    {
        using var stty = Process.Start(new ProcessStartInfo("stty", ["-F", _terminal.SlavePath, what]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        return stty.StandardOutput.ReadToEnd();
    }

    // Ends when the other side is closed for good.
    private void ReadAll()
    {
        var buffer = new byte[4096];
        while (true)
        {
            Span<PollEntry> entries = [new() { Descriptor = _terminal.Master, Wanted = PollEvents.Readable }];
            Poll.Wait(entries, -1);
            var count = Descriptor.Read(_terminal.Master, buffer);
            if (count <= 0)
                break;

            lock (_shown)
                Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        Descriptor.Close(_terminal.Master);
    }

    private void Append(string text)
    {
        _shown.Append(text);
        var end = _shown.Length - EndMark.Length;
        if (_isMarked == 0 || end < 0 || _shown.ToString(end, EndMark.Length) != EndMark)
            return;

        _shown.Length = end;
        _drained.SetResult();
    }
}
