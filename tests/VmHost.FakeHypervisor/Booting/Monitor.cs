using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace VmHost.FakeHypervisor.Booting;

/// <summary>
/// A client of QEMU's monitor that asks one thing at a time and keeps what the last SHUTDOWN event said. Safe for use by
/// several threads.
/// </summary>
internal sealed partial class Monitor : IDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(5);

    private readonly Lock _asking = new();
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly StreamReader _reader;

    private Monitor(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _reader = new StreamReader(new NetworkStream(_socket));
    }

    /// <summary>guest-shutdown, guest-reset, …; null while none came.</summary>
    internal string? Shutdown { get; private set; }

    /// <summary>Returns null when QEMU ended first.</summary>
    internal static Monitor? Connect(string path, Func<bool> hasEnded)
    {
        while (!hasEnded())
        {
            try
            {
                var monitor = new Monitor(path);
                monitor.Ask("""{"execute": "qmp_capabilities"}""");
                return monitor;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                FakeMachine.Wait(Retry);
            }
        }

        return null;
    }

    internal void Execute(string command) => Ask($$"""{"execute": "{{command}}"}""");

    /// <summary>What the human monitor says; empty when QEMU is gone.</summary>
    internal string Human(string command)
    {
        var answer = Ask($$$"""{"execute": "human-monitor-command", "arguments": {"command-line": "{{{command}}}"}}""");
        return answer is { } given ? given.GetProperty("return").GetString()! : "";
    }

    /// <summary>SCI_EN of PM1_CNT: the guest wrote ACPI_ENABLE to SMI_CMD, which is what arms xhyve's power button.</summary>
    internal bool AcpiIsOn() => Value().Match(Human("i/h 0x604")) is { Success: true } match
        && (Convert.ToInt32(match.Groups["value"].Value, 16) & 1) != 0;

    /// <summary>Every processor stands still with interrupts off, which ends the machine in xhyve and HyperKit.</summary>
    internal bool IsHalted()
    {
        var processors = Processor().Matches(Human("info registers -a"));
        return processors.Count > 0 && processors.All(one =>
            one.Groups["halted"].Value == "1" && (Convert.ToInt64(one.Groups["flags"].Value, 16) & 0x200) == 0);
    }

    /// <summary>Reads on until QEMU closes, for the events that come at the end.</summary>
    internal void Drain()
    {
        lock (_asking)
        {
            while (ReadLine() is not null)
            {
            }
        }
    }

    public void Dispose() => _reader.Dispose();

    private JsonElement? Ask(string command)
    {
        lock (_asking)
        {
            try
            {
                _socket.Send(System.Text.Encoding.UTF8.GetBytes(command + "\n"));
            }
            catch (SocketException)
            {
                return null;
            }

            while (ReadLine() is { } line)
            {
                if (line.TryGetProperty("return", out _))
                    return line;
            }

            return null;
        }
    }

    private JsonElement? ReadLine()
    {
        try
        {
            if (_reader.ReadLine() is not { } line)
                return null;

            using var json = JsonDocument.Parse(line);
            var element = json.RootElement.Clone();
            if (element.TryGetProperty("event", out var name) && name.ValueEquals("SHUTDOWN"))
                Shutdown = element.GetProperty("data").GetProperty("reason").GetString();
            return element;
        }
        catch (IOException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"=\s*0x(?<value>[0-9a-f]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Value();

    [GeneratedRegex(@"[RE]FL=(?<flags>[0-9a-f]+)[^\n]*HLT=(?<halted>[01])", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Processor();
}
