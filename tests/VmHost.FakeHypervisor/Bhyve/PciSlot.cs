using System.Globalization;

namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>One <c>-s</c>: <c>slot[:func],device[,config]</c> or <c>bus:slot:func,device[,config]</c>.</summary>
internal sealed record PciSlot(int Bus, int Number, int Function, string Device, string? Config)
{
    internal (int Bus, int Number, int Function) Address => (Bus, Number, Function);

    /// <summary>The words of its configuration.</summary>
    internal string[] Words => Config?.Split(',') ?? [];

    /// <summary><c>pci_parse_slot</c>.</summary>
    internal static PciSlot Parse(string value, Face face, IReadOnlyList<PciSlot> occupied)
    {
        var parts = value.Split(',', 3);
        var address = parts[0].Split(':').Select(NumberIn).ToArray();
        var slot = (parts.Length > 1 ? address : []) switch
        {
            [{ } number] => new PciSlot(0, number, 0, parts[1], parts.ElementAtOrDefault(2)),
            [{ } number, { } function] => new(0, number, function, parts[1], parts.ElementAtOrDefault(2)),
            [{ } bus, { } number, { } function] => new(bus, number, function, parts[1], parts.ElementAtOrDefault(2)),
            _ => null,
        };
        if (slot is not { Bus: <= 255, Number: <= 31, Function: <= 7 })
            throw new Refusal($"Invalid PCI slot info field \"{value}\"");
        if (occupied.Any(other => other.Address == slot.Address))
            throw new Refusal($"pci slot {slot.Number}:{slot.Function} already occupied!");
        if (!face.Devices.Contains(slot.Device, StringComparer.Ordinal))
            throw new Refusal($"pci slot {slot.Number}:{slot.Function}: unknown device \"{slot.Device}\"");

        return slot;
    }

    // sscanf("%d"): what follows the digits is not looked at.
    private static int? NumberIn(string text)
    {
        var digits = new string([.. text.TakeWhile(char.IsAsciiDigit)]);
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }
}
