using System.Globalization;
using System.Text;

namespace VmHost.FakeHypervisor.Qemu;

/// <summary>What is understood of QEMU's command line. Everything else must be an option that QEMU knows.</summary>
internal sealed record QemuArguments(string? Kernel, string CommandLine, string? QmpSocket, int? QmpDescriptor, string? QmpLog)
{
    private static readonly HashSet<string> Flags =
        new(["-nodefaults", "-no-user-config", "-no-reboot"], StringComparer.Ordinal);

    private static readonly HashSet<string> WithValue = new(
        [
            "-display", "-machine", "-cpu", "-smp", "-m", "-uuid", "-kernel", "-initrd", "-append", "-chardev", "-serial",
            "-mon", "-device", "-netdev", "-sandbox",
        ],
        StringComparer.Ordinal);

    /// <summary>Throws <see cref="FormatException"/> with QEMU's own words.</summary>
    internal static QemuArguments Parse(string[] args)
    {
        var result = new QemuArguments(null, "", null, null, null);
        for (var i = 0; i < args.Length; i++)
        {
            if (Flags.Contains(args[i]))
                continue;
            if (!WithValue.Contains(args[i]))
                throw new FormatException($"qemu-system-x86_64: {args[i]}: invalid option");
            if (i + 1 == args.Length)
                throw new FormatException($"qemu-system-x86_64: {args[i]}: requires an argument");

            var value = args[i + 1];
            result = args[i++] switch
            {
                "-kernel" => result with { Kernel = value },
                "-append" => result with { CommandLine = value },
                "-chardev" when Property(value, "fd") is { } descriptor =>
                    result with { QmpDescriptor = int.Parse(descriptor, CultureInfo.InvariantCulture) },
                "-chardev" when value.StartsWith("socket,", StringComparison.Ordinal) =>
                    result with { QmpSocket = Property(value, "path") },
                "-chardev" when value.StartsWith("null,", StringComparison.Ordinal) =>
                    result with { QmpLog = Property(value, "logfile") },
                _ => result,
            };
        }

        return result;
    }

    // In a QEMU property list a doubled comma stands for one.
    private static string? Property(string list, string name)
    {
        var values = new List<string>();
        var current = new StringBuilder();
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
                values.Add(current.ToString());
                current.Clear();
            }
        }

        values.Add(current.ToString());
        return values.Find(value => value.StartsWith(name + '=', StringComparison.Ordinal))?[(name.Length + 1)..];
    }
}
