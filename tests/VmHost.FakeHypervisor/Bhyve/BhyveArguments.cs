using System.Globalization;

namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>
/// The command line as <c>main</c> reads it (xhyve.c, hyperkit.c): each value is looked at when its option comes, and the
/// first that is wrong ends the process.
/// </summary>
internal sealed class BhyveArguments
{
    private const string Grammar = "behvuwxMACHPWY:f:F:g:c:s:m:l:U:";

    private readonly Face _face;
    private readonly List<PciSlot> _slots = [];

    private BhyveArguments(Face face) => _face = face;

    internal bool HasAcpi { get; private set; }

    internal bool HasMpTable { get; private set; } = true;

    internal int Cpus { get; private set; } = 1;

    internal long Memory { get; private set; } = 256L << 20;

    internal string? Uuid { get; private set; }

    /// <summary>In the order in which they are made.</summary>
    internal IReadOnlyList<PciSlot> Slots => _slots;

    /// <summary>What com1 is connected to; null when its output is discarded.</summary>
    internal string? Com1 { get; private set; }

    internal string? Com2 { get; private set; }

    internal string Kernel { get; private set; } = "";

    /// <summary>Empty for none.</summary>
    internal string Initrd { get; private set; } = "";

    internal string CommandLine { get; private set; } = "";

    /// <summary>Throws <see cref="Refusal"/> for what the real one refuses while it reads its options.</summary>
    internal static BhyveArguments Parse(Face face, string[] args)
    {
        var arguments = new BhyveArguments(face);
        foreach (var (option, value) in BsdOptions.Parse(face.Name, Grammar, args))
            arguments.Read(option, value);

        if (arguments.Kernel.Length == 0)
            throw new Refusal(face.Usage);

        arguments._slots.Sort(static (one, other) => one.Address.CompareTo(other.Address));
        return arguments;
    }

    private void Read(char option, string value)
    {
        switch (option)
        {
            case 'A': HasAcpi = true; break;
            case 'Y': HasMpTable = false; break;   // swallows the next word: a fault of both
            case 'c': Cpus = Integer(value); break;
            case 'm': Memory = MemorySize.Parse(value); break;
            case 's': _slots.Add(PciSlot.Parse(value, _face, _slots)); break;
            case 'l': ReadLpc(value); break;
            case 'f': ReadFirmware(value); break;
            case 'U': Uuid = value; break;
            case 'h': throw new Refusal(_face.Usage, code: 0);
            case 'v': throw new Refusal(_face.Version, code: 0);
            case '?': throw new Refusal(_face.Usage);

            // Taken by the real ones and given by nobody here.
            case 'F' or 'M' or 'g': throw new Refusal($"fakehv: -{option} is not played");
        }
    }

    private void ReadLpc(string value)
    {
        var parts = value.Split(',', 2);
        switch (parts[0].ToLowerInvariant())
        {
            case "com1": Com1 = parts.ElementAtOrDefault(1); break;
            case "com2": Com2 = parts.ElementAtOrDefault(1); break;
            default: throw new Refusal("invalid lpc device configuration", Refusal.BadArgument);
        }
    }

    private void ReadFirmware(string value)
    {
        var parts = value.Split(',', 4);
        if (!Array.Exists(_face.Firmwares, firmware => parts[0].StartsWith(firmware, StringComparison.Ordinal))
            || (_face.NeedsAllCommas ? parts.Length < 4 : parts.Length < 2 || parts[1].Length == 0))
        {
            throw new Refusal($"Invalid firmware argument\n{_face.Usage}");
        }

        if (!parts[0].StartsWith("kexec", StringComparison.Ordinal))
            throw new Refusal($"fakehv: -f {parts[0]} is not played");

        (Kernel, Initrd) = (parts[1], parts.ElementAtOrDefault(2) ?? "");
        CommandLine = parts.ElementAtOrDefault(3) is { Length: > 0 } given ? given : "auto";
    }

    // atoi: "4x" is 4, "two" is 0.
    private static int Integer(string text) =>
        int.TryParse([.. text.TakeWhile(char.IsAsciiDigit)], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
