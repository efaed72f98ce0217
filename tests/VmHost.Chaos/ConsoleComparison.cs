using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Records;

namespace VmHost.Chaos;

/// <summary>
/// Rule I3: boot by boot, the journal is what the guest wrote. The guest's every boot begins with a line that no other has,
/// and the stand-in keeps all of it in an oracle.
/// </summary>
internal static class ConsoleComparison
{
    private static ReadOnlySpan<byte> BootBegins => "main at "u8;

    /// <summary>Compares the whole output of a machine that does not run.</summary>
    internal static void Run(Tally tally, Victim victim, string machineDirectory)
    {
        var console = Path.Combine(machineDirectory, RecordFile.Console);
        var oracle = Path.Combine(machineDirectory, "truth.bin");
        if (!Directory.Exists(console) || !File.Exists(oracle))
            return;   // no boot of it got so far

        var truth = Split(File.ReadAllBytes(oracle));
        var next = 0;
        foreach (var (boot, begin, end) in Boots(console))
        {
            var written = Read(tally, victim, console, begin, end);
            if (written.Length == 0)
                continue;

            var match = truth.FindIndex(next, one => one.AsSpan().StartsWith(written));
            if (match < 0)
            {
                tally.Violation("I3", $"{victim.Name}, boot {boot}: the {written.Length} bytes at {begin} are not what the guest wrote ({machineDirectory})");
                continue;
            }

            next = match + 1;
            var missing = truth[match].Length - written.Length;
            if (missing > victim.AllowedLoss(boot))
                tally.Violation("I3", $"{victim.Name}, boot {boot}: the last {missing} bytes are missing, and {victim.AllowedLoss(boot)} may be ({machineDirectory})");

            tally.Compared(written.Length);
        }
    }

    private static List<byte[]> Split(byte[] truth)
    {
        var parts = new List<byte[]>();
        var begin = 0;
        while (begin < truth.Length)
        {
            var next = truth.AsSpan(begin + 1).IndexOf(BootBegins);
            var end = next < 0 ? truth.Length : begin + 1 + next;
            parts.Add(truth[begin..end]);
            begin = end;
        }

        return parts;
    }

    private static IEnumerable<(int Boot, long Begin, long End)> Boots(string console)
    {
        var begins = new SortedDictionary<int, long>();
        foreach (var segment in JournalFormat.Segments(console))
        {
            var index = File.ReadAllBytes(JournalFormat.IndexPath(console, segment));
            for (var at = 0; at + JournalIndexRecord.Size <= index.Length; at += JournalIndexRecord.Size)
            {
                if (JournalIndexRecord.ReadFrom(index.AsSpan(at)) is { Mark: JournalMark.Boot } record)
                    begins[record.Boot] = record.Offset;
            }
        }

        var list = begins.ToList();
        for (var i = 0; i < list.Count; i++)
            yield return (list[i].Key, list[i].Value, i + 1 < list.Count ? list[i + 1].Value : JournalReader.Bounds(console).End);
    }

    private static byte[] Read(Tally tally, Victim victim, string console, long begin, long end)
    {
        var data = new byte[end - begin];
        using var reader = new JournalReader(console, begin);
        for (var at = 0; at < data.Length;)
        {
            var read = reader.Read(data.AsSpan(at));
            if (read.GapBytes > 0)
                tally.Violation("I3", $"{victim.Name}: a gap of {read.GapBytes} bytes at {read.Offset} with a disk that was never full");
            if (read.Count == 0 || read.GapBytes > 0)
                return data[..at];

            at += read.Count;
        }

        return data;
    }
}
