using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace VmHost.FakeHypervisor.Guest;

/// <summary>
/// What the guest does, step by step: the words of <c>fake=STEP;STEP</c> on the kernel command line. At the end it powers
/// off. QEMU only: <c>ioerror:DISK</c> (the host's disk is full) and <c>ioerror:DISK:failed</c> stop the guest as QEMU does, and
/// the next step follows once it is resumed, so that two of them are a disk that is still full then; <c>stopself</c> stops it as
/// another client of a monitor would; <c>panic</c> is a panic that the guest's device reports; <c>reset</c> one in the same process;
/// <c>events:COUNT</c> are so many events of the monitor.
/// </summary>
internal sealed class Script(GuestConsole console, FakeMachine machine, long enteredAt)
{
    private const int BlockSize = 64 << 10;

    /// <summary>Runs the steps in order; returns when the guest has nothing more to do.</summary>
    internal void Run(string steps)
    {
        foreach (var step in steps.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = step.Split(':', 2) is [var left, var right] ? (left, right) : (step, "");
            Run(name, value);
        }

        machine.End(GuestEnd.PowerOff);
    }

    private void Run(string name, string value)
    {
        switch (name)
        {
            case "banner": Line("fakehv ready"); break;
            case "clock": Line(string.Create(CultureInfo.InvariantCulture, $"main at {enteredAt}")); break;
            case "ready": Line("fakehv: ready"); break;
            case "text": Line(Uri.UnescapeDataString(value)); break;
            case "lines": Lines(Numbers(value)); break;
            case "stream": Stream(Numbers(value)[0]); break;
            case "flood": Flood(Numbers(value)[0] << 20); break;
            case "bulk": Bulk(Numbers(value)[0]); break;
            case "garbage": Garbage(Numbers(value)); break;
            case "all256": console.Write([.. Enumerable.Range(0, 256).Select(number => (byte)number)]); break;
            case "chunk": console.ChunkSize = (int)Numbers(value)[0]; break;
            case "nonblock": console.DropWhenFull(); break;
            case "echo": Echo(); break;
            case "sleep": FakeMachine.Wait(TimeSpan.FromMilliseconds(Numbers(value)[0])); break;
            case "acpi": machine.EnableAcpi(); break;
            case "ignoreterm": machine.IgnoresSignals = true; break;
            case "ignorepower": machine.IgnoresPowerButton = true; break;
            case "grandchild": FakeMachine.StartGrandchild(); break;
            case "stderr": FakeMachine.Say(Uri.UnescapeDataString(value)); break;
            case "event": machine.Announce(value); break;
            case "exit": machine.Exit((int)Numbers(value)[0]); break;
            case "poweroff": machine.End(GuestEnd.PowerOff); break;
            case "reboot": machine.End(GuestEnd.Reset); break;
            case "halt": machine.End(GuestEnd.Halt); break;
            case "triplefault": machine.End(GuestEnd.TripleFault); break;
            case "die": Native.DieOf((int)Numbers(value)[0]); break;
            case "stopself": machine.StopByItself(); break;
            case "ioerror": machine.FailDisk(value.Split(':')[0], isFull: !value.EndsWith(":failed", StringComparison.Ordinal)); break;
            case "reset": machine.ResetInPlace(); break;
            case "events": machine.Chatter(Numbers(value)[0]); break;
            case "panic": machine.Panic(); break;
            case "hang": FakeMachine.Wait(Timeout.InfiniteTimeSpan); break;
            case "noqmp": break;   // seen before the script runs
            default: throw new FormatException($"fakehv: there is no step '{name}'");
        }
    }

    private static long[] Numbers(string value) =>
        [.. value.Split(':').Select(number => long.Parse(number, CultureInfo.InvariantCulture))];

    private void Line(string text) => console.Write(Encoding.UTF8.GetBytes(text + "\r\n"));

    // COUNT[:RATE a second]
    private void Lines(long[] numbers)
    {
        var pause = numbers is [_, > 0 and var rate] ? TimeSpan.FromSeconds(1.0 / rate) : TimeSpan.Zero;
        for (var number = 1L; number <= numbers[0]; number++)
        {
            console.Write(NumberedLine(number));
            if (pause > TimeSpan.Zero)
                FakeMachine.Wait(pause);
        }
    }

    private void Flood(long bytes)
    {
        var written = 0L;
        foreach (var block in Blocks())
        {
            console.Write(block.Span);
            if ((written += block.Length) >= bytes)
                break;
        }
    }

    // MEBIBYTES, the same one over and over, as fast as the terminal takes it.
    private void Bulk(long count)
    {
        var mebibyte = new MemoryStream();
        for (var number = 1L; mebibyte.Length < 1 << 20; number++)
            mebibyte.Write(NumberedLine(number));
        for (var i = 0L; i < count; i++)
            console.Write(mebibyte.GetBuffer().AsSpan(0, 1 << 20));
    }

    // So many bytes a second, for ever.
    private void Stream(long rate)
    {
        foreach (var block in Blocks())
        {
            console.Write(block.Span);
            FakeMachine.Wait(TimeSpan.FromSeconds((double)block.Length / rate));
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Blocks()
    {
        var block = new MemoryStream();
        for (var number = 1L; ; number++)
        {
            block.Write(NumberedLine(number));
            if (block.Length < BlockSize)
                continue;

            yield return block.GetBuffer().AsMemory(0, (int)block.Length);
            block.SetLength(0);
        }
    }

    // COUNT:SEED
    private void Garbage(long[] numbers)
    {
        var bytes = new byte[numbers[0]];
        new Random((int)numbers[1]).NextBytes(bytes);
        console.Write(bytes);
    }

    private static byte[] NumberedLine(long number)
    {
        var digits = number.ToString("D8", CultureInfo.InvariantCulture);
        var check = Crc32.HashToUInt32(Encoding.ASCII.GetBytes(digits));
        return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"L{digits} {check:x8}\n"));
    }

    private void Echo()
    {
        var line = new List<byte>();
        Span<byte> buffer = stackalloc byte[4096];
        int count;
        while ((count = GuestConsole.Read(buffer)) > 0)
        {
            console.Write(buffer[..count]);
            foreach (var value in buffer[..count])
            {
                if (value is not ((byte)'\n' or (byte)'\r'))
                {
                    line.Add(value);
                    continue;
                }

                if (Encoding.UTF8.GetString([.. line]) == "exit")
                    return;

                line.Clear();
            }
        }
    }
}
