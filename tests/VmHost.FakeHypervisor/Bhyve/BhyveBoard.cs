using System.Globalization;
using System.Net.NetworkInformation;

namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>What is checked after the options were read, in the order of <c>main</c>; each device by its own source file.</summary>
internal sealed class BhyveBoard(Face face, BhyveArguments arguments)
{
    private const long PageSize = 4096;

    private static readonly TimeSpan VpnkitRetry = TimeSpan.FromMilliseconds(100);

    // Kept open: a lock on a disk ends with its descriptor.
    private readonly List<int> _disks = [];
    private bool _stdioTaken;

    /// <summary>Throws <see cref="Refusal"/> for what the real one refuses.</summary>
    /// <returns>Whether com1 is the terminal on fd 0; if not, its output is discarded.</returns>
    internal bool SetUp()
    {
        if (arguments.Cpus < 1)
            throw new Refusal(string.Create(CultureInfo.InvariantCulture, $"Invalid guest vCPUs ({arguments.Cpus})"));
        if (arguments.Cpus > face.MaxCpus)
            throw new Refusal(string.Create(CultureInfo.InvariantCulture, $"{arguments.Cpus} vCPUs requested but only {face.MaxCpus} available"));
        if (arguments.Memory <= 0 || arguments.Memory % PageSize != 0)
            throw new Refusal("Unable to setup memory (22)");

        var hasLpc = false;
        foreach (var slot in arguments.Slots)
        {
            hasLpc |= slot.Device == "lpc";
            SetUp(slot);
        }

        var console = hasLpc && SetUpSerial("COM1", arguments.Com1);
        if (hasLpc)
            SetUpSerial("COM2", arguments.Com2);
        if (arguments.HasMpTable && arguments.Slots.Any(slot => slot.Bus != 0))
            throw new Refusal("MPtable is incompatible with multiple PCI hierarchies");
        if (!HasValidUuid)
            throw Refusal.Abort("Assertion failed: (smbios_build() == 0), function main");
        if (arguments.HasAcpi && arguments.Slots.Count == 0 && face == Face.Xhyve)
            throw Refusal.Crash();

        return console;
    }

    // uuid_from_string: 36 characters, of a known variant.
    private bool HasValidUuid =>
        arguments.Uuid is null or ""
        || (Guid.TryParseExact(arguments.Uuid, "D", out var uuid) && (uuid.ToByteArray(bigEndian: true)[8] & 0xe0) != 0xe0);

    private void SetUp(PciSlot slot)
    {
        switch (slot.Device)
        {
            case "virtio-net": SetUpVmnet(slot); break;
            case "virtio-vpnkit": SetUpVpnkit(slot); break;
            case "virtio-blk" or "ahci-hd" or "ahci-cd": SetUpDisk(slot); break;
        }
    }

    // pci_virtio_net_vmnet.c. That it wants root is not played: there is no vmnet here that could say so.
    private void SetUpVmnet(PciSlot slot)
    {
        if (!HasValidUuid)
            throw new Refusal("");   // it ends without a word
        if (face == Face.Xhyve || slot.Config is null)
            return;

        // The first word is taken for an interface's name; mac= in its place makes strcmp read a null pointer.
        var words = slot.Words;
        if (words[0].StartsWith("mac=", StringComparison.Ordinal))
            throw Refusal.Crash();
        if (words.FirstOrDefault(word => word.StartsWith("mac=", StringComparison.Ordinal)) is { } mac && !IsUnicast(mac[4..]))
            throw new Refusal($"Invalid MAC address \"{mac[4..]}\"");
    }

    private static bool IsUnicast(string text) =>
        PhysicalAddress.TryParse(text.Replace(':', '-').ToUpperInvariant(), out var mac)
        && mac.GetAddressBytes() is { Length: 6 } bytes && (bytes[0] & 1) == 0 && bytes.Any(value => value != 0);

    // pci_virtio_net_vpnkit.c: an option that it does not know leaves a null pointer behind; for a socket it waits for ever.
    private static void SetUpVpnkit(PciSlot slot)
    {
        string[] known = ["path=", "uuid=", "macfile=", "preferred_ipv4="];
        if (!slot.Words.All(word => Array.Exists(known, option => word.StartsWith(option, StringComparison.Ordinal))))
            throw Refusal.Crash();

        var path = slot.Words.FirstOrDefault(word => word.StartsWith("path=", StringComparison.Ordinal))?[5..] ?? "/var/tmp/com.docker.slirp.socket";
        while (!File.Exists(path))
            FakeMachine.Wait(VpnkitRetry);
    }

    // block_if.c
    private void SetUpDisk(PciSlot slot)
    {
        if (slot.Config is null)
            throw new Refusal("virtio-block: backing device required");

        var readOnly = slot.Device == "ahci-cd";
        foreach (var option in slot.Words.Skip(1))
        {
            readOnly |= option == "ro";
            if (option == "nocache")
                throw new Refusal("nocache support unimplemented");
            if (option is not ("sync" or "direct" or "ro") && !option.StartsWith("sectorsize=", StringComparison.Ordinal))
                throw new Refusal($"Invalid device option \"{option}\"");
        }

        // What cannot be written is opened for reading, and nobody is told.
        var disk = readOnly ? -1 : Native.Open(slot.Words[0], Native.ReadWrite);
        if (disk < 0)
        {
            readOnly = true;
            disk = Native.Open(slot.Words[0], Native.ReadOnly);
        }

        if (disk < 0)
            throw new Refusal("Could not open backing file: No such file or directory");
        if (face.LocksDisks && !Native.TryLock(disk, shared: readOnly))
            throw new Refusal("Could not lock backing file: Resource temporarily unavailable");

        _disks.Add(disk);
    }

    // uart_emul.c: the backends that VmHost never gives are not played.
    private bool SetUpSerial(string port, string? backend)
    {
        if (backend is null)
            return false;

        var isStdio = backend == "stdio" && !_stdioTaken && Native.IsOpen(0);
        if (!isStdio && !(backend.StartsWith('/') && IsTerminal(backend)))
            throw new Refusal($"Unable to initialize backend '{backend}' for LPC device {port}");

        _stdioTaken |= isStdio;
        return isStdio;
    }

    private static bool IsTerminal(string path)
    {
        var descriptor = Native.Open(path, Native.ReadWrite | Native.NoControllingTerminal);
        return descriptor >= 0 && Native.IsTerminal(descriptor);
    }
}
