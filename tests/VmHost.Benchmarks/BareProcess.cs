using VmHost.Posix;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>A program on a terminal with nothing between: what a person's shell script would start. The raw side.</summary>
internal sealed class BareProcess : IDisposable
{
    private readonly PseudoTerminal _terminal = PseudoTerminal.Open();
    private readonly byte[] _buffer = new byte[64 << 10];
    private readonly MemoryStream _output = new();

    /// <param name="executable">Absolute path.</param>
    /// <param name="arguments">What follows the program name.</param>
    internal BareProcess(string executable, IReadOnlyList<string> arguments)
    {
        using var spawn = new ProcessSpawn();
        spawn.Open(0, _terminal.SlavePath, Descriptor.ReadWrite);
        spawn.Give(0, 1);
        spawn.Open(2, "/dev/null", Descriptor.WriteOnly);
        StartedAt = TimeProvider.System.GetTimestamp();
        Pid = spawn.Start(executable, arguments, firstClosed: 3);

        // From now on the child alone holds the other side, so its end is seen.
        Descriptor.Close(_terminal.Slave);
    }

    /// <summary>What the machine ran, with monitors of its own: that machine's directories are gone with it.</summary>
    /// <param name="argv">The machine's.</param>
    /// <param name="directory">For the monitors.</param>
    internal static BareProcess LikeMachine(IReadOnlyList<string> argv, TemporaryDirectory directory)
    {
        var own = ArgumentsOf(argv, directory);
        return new(own[0], [.. own.Skip(1)]);
    }

    /// <summary>What the machine ran, with monitors of its own.</summary>
    internal static IReadOnlyList<string> ArgumentsOf(IReadOnlyList<string> argv, TemporaryDirectory directory) =>
        [.. argv.Select(argument => argument switch
        {
            _ when argument.StartsWith("socket,id=qmp0,", StringComparison.Ordinal) => "null,id=qmp0",
            _ when argument.StartsWith("socket,id=qmp1,", StringComparison.Ordinal) => $"socket,id=qmp1,path={directory.Combine("q")},server=on,wait=off",
            _ when argument.StartsWith("null,id=events0,", StringComparison.Ordinal) => $"null,id=events0,logfile={directory.Combine("l")}",
            _ => argument,
        })];

    internal int Pid { get; }

    /// <summary>When posix_spawn was called.</summary>
    internal long StartedAt { get; }

    /// <summary>When it had ended, as <see cref="CopyTo"/> saw it.</summary>
    internal long EndedAt { get; private set; }

    /// <summary>When the first byte had been read.</summary>
    internal long FirstByteAt { get; private set; }

    /// <summary>Reads until the process closes its terminal, collects it, and returns all that it wrote.</summary>
    internal byte[] ReadToEnd()
    {
        Span<PollEntry> entries = [new() { Descriptor = _terminal.Master, Wanted = PollEvents.Readable }];
        while (true)
        {
            Poll.Wait(entries, -1);
            var count = Descriptor.Read(_terminal.Master, _buffer);
            if (count <= 0)
                break;
            if (_output.Length == 0)
                FirstByteAt = TimeProvider.System.GetTimestamp();

            _output.Write(_buffer, 0, count);
        }

        ChildProcess.Wait(Pid);
        return _output.ToArray();
    }

    /// <summary>Lets cat copy all that it writes into a file, and returns when it ended; its end is noted.</summary>
    /// <returns>cat's processor time.</returns>
    internal TimeSpan CopyTo(string path)
    {
        // cat gives up at a file that has nothing to read just now.
        Descriptor.SetNonBlocking(_terminal.Master, on: false);
        using var spawn = new ProcessSpawn();
        spawn.Give(_terminal.Master, 0);
        spawn.Open(1, path, Descriptor.WriteOnly | Descriptor.Create | Descriptor.Truncate);
        spawn.Open(2, "/dev/null", Descriptor.WriteOnly);   // at the terminal's end it complains of an input error
        var cat = spawn.Start("/bin/cat", [], firstClosed: 3);
        ChildProcess.Wait(Pid);
        EndedAt = TimeProvider.System.GetTimestamp();
        var exit = ChildProcess.Wait(cat);
        return exit.UserTime + exit.SystemTime;
    }

    /// <summary>Forgets what it has written and was not read yet.</summary>
    internal void Drain()
    {
        while (Descriptor.Read(_terminal.Master, _buffer) > 0)
        {
            // Not asked for.
        }
    }

    /// <summary>Types a key and reads until it has come back; what comes with it is passed over.</summary>
    internal void Echo(byte key)
    {
        Descriptor.Write(_terminal.Master, [key]);
        for (var seen = false; !seen;)
        {
            var count = ReadSoon();
            seen = _buffer.AsSpan(0, count).Contains(key);
        }
    }

    /// <summary>Reads until it has written a text.</summary>
    internal void ReadTo(string text)
    {
        var seen = "";
        while (!seen.Contains(text, StringComparison.Ordinal))
            seen += System.Text.Encoding.Latin1.GetString(_buffer.AsSpan(0, ReadSoon()));
    }

    public void Dispose() => Descriptor.Close(_terminal.Master);

    // What a program has to say that is not broken it says soon.
    private int ReadSoon()
    {
        Span<PollEntry> entries = [new() { Descriptor = _terminal.Master, Wanted = PollEvents.Readable }];
        if (Poll.Wait(entries, 20_000) == 0)
            throw new TimeoutException($"process {Pid} has written nothing for 20 s");

        var count = Descriptor.Read(_terminal.Master, _buffer);
        return count > 0 ? count : throw new IOException($"process {Pid} has closed its terminal");
    }
}
