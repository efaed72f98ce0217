using System.Globalization;
using VmHost.Specs;

namespace VmHost.Tests.Hypervisors.Grammars;

/// <summary>QEMU's own reading of what VmHost may use (util/qemu-option.c): a comma ends a value, a doubled one does not.</summary>
internal sealed class QemuGrammar
{
    private readonly ParsedMachine _machine = new();
    private readonly Dictionary<string, Dictionary<string, string>> _chardevs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, string>> _drives = new(StringComparer.Ordinal);
    private int _serials;

    internal static ParsedMachine Parse(IReadOnlyList<string> argv)
    {
        var grammar = new QemuGrammar();
        for (var i = 0; i < argv.Count; i++)
        {
            if (argv[i] is "-no-user-config" or "-nodefaults" or "-no-reboot")
                continue;

            grammar.Option(argv[i], argv[++i]);
        }

        return grammar._machine;
    }

    private void Option(string option, string value)
    {
        switch (option)
        {
            case "-display" when value == "none":
            case "-machine" when value.StartsWith("q35,accel=", StringComparison.Ordinal) && value.Count(c => c == ',') == 1:
            case "-cpu" when value == "max":
            case "-mon" when value is "chardev=qmp0,mode=control" or "chardev=qmp1,mode=control" or "chardev=events0,mode=control":
            case "-sandbox" when value.StartsWith("on,", StringComparison.Ordinal):
                break;
            case "-smp":
                _machine.Cpus = int.Parse(value, CultureInfo.InvariantCulture);
                break;
            case "-m":
                Assert.EndsWith("M", value, StringComparison.Ordinal);
                _machine.MemoryMiB = long.Parse(value.AsSpan(0, value.Length - 1), CultureInfo.InvariantCulture);
                break;
            case "-uuid":
                _machine.Uuid = value;
                break;
            case "-kernel":
                _machine.Kernel = value;
                break;
            case "-initrd":
                _machine.Initrd = value;
                break;
            case "-append":
                _machine.CommandLine = value;
                break;
            case "-chardev":
                var (_, chardev) = Properties(value, "backend");
                _chardevs.Add(chardev["id"], chardev);
                break;
            case "-serial":
                Serial(value);
                break;
            case "-netdev":
                Netdev(value);
                break;
            case "-drive":
                var (_, drive) = Properties(value, null);
                _drives.Add(drive["id"], drive);
                break;
            case "-device":
                Device(value);
                break;
            default:
                Assert.Fail($"{option} {value} is nothing that VmHost gives");
                break;
        }
    }

    private void Serial(string value)
    {
        var chardev = _chardevs[value["chardev:".Length..]];
        if (_serials++ == 0)
            _machine.HasConsole = chardev["backend"] == "stdio" && chardev["signal"] == "off";
        else
            _machine.SecondSerial = chardev["backend"] == "serial" ? chardev["path"] : throw new InvalidDataException(value);
    }

    private void Netdev(string value)
    {
        Assert.StartsWith("user,id=n0", value, StringComparison.Ordinal);
        foreach (var part in Split(value).Skip(2))
        {
            // hostfwd=tcp:ADDRESS:PORT-:PORT
            Assert.StartsWith("hostfwd=", part, StringComparison.Ordinal);
            var words = part["hostfwd=".Length..].Split(':');
            Assert.Equal(4, words.Length);
            _machine.Ports.Add(new(
                words[1],
                int.Parse(words[2].TrimEnd('-'), CultureInfo.InvariantCulture),
                int.Parse(words[3], CultureInfo.InvariantCulture),
                words[0] == "udp" ? PortProtocol.Udp : PortProtocol.Tcp));
        }
    }

    private void Device(string value)
    {
        var (_, device) = Properties(value, "driver");
        switch (device["driver"])
        {
            case "virtio-rng-pci" when device.Count == 1:
                _machine.HasEntropy = true;
                break;
            case "virtio-net-pci" when device["netdev"] == "n0":
                _machine.Network = NetworkMode.Nat;
                _machine.Mac = device.GetValueOrDefault("mac");
                break;
            case "virtio-blk-pci" when device.Count == 2:
                var drive = _drives[device["drive"]];
                Assert.Equal("none", drive["if"]);
                _machine.Disks.Add(new(drive["file"], drive["format"] == "qcow2" ? DiskFormat.Qcow2 : DiskFormat.Raw, drive.GetValueOrDefault("readonly") == "on"));
                break;
            case "ide-cd" when device.Count == 3:
                var image = _drives[device["drive"]];
                Assert.Equal(("cdrom", "on", "raw"), (image["media"], image["readonly"], image["format"]));
                _machine.Cdroms.Add(image["file"]);
                break;
            default:
                Assert.Fail($"-device {value} is nothing that VmHost gives");
                break;
        }
    }

    // Where a list has an implied first name, its first part may stand without one.
    private static (string? First, Dictionary<string, string> Properties) Properties(string list, string? implied)
    {
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (number, part) in Split(list).Index())
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (number == 0 && implied is not null && at < 0)
                properties.Add(implied, part);
            else
                properties.Add(part[..at], part[(at + 1)..]);
        }

        return (implied, properties);
    }

    private static List<string> Split(string list)
    {
        var parts = new List<string>();
        var current = new System.Text.StringBuilder();
        for (var i = 0; i < list.Length; i++)
        {
            if (list[i] != ',')
            {
                current.Append(list[i]);
            }
            else if (i + 1 < list.Length && list[i + 1] == ',')
            {
                current.Append(',');
                i++;
            }
            else
            {
                parts.Add(current.ToString());
                current.Clear();
            }
        }

        parts.Add(current.ToString());
        return parts;
    }
}
