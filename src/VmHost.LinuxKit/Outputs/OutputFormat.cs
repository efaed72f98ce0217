using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Outputs;

/// <summary>What a build writes.</summary>
public enum OutputFormat
{
    /// <summary><c>NAME-kernel</c> (2017: <c>NAME-bzImage</c>), <c>NAME-initrd.img</c>, <c>NAME-cmdline</c>.</summary>
    KernelAndInitrd,

    /// <summary><c>NAME.tar</c>: the root file system, with <c>boot/</c>.</summary>
    Tar,

    /// <summary><c>NAME-initrd.tar</c>: kernel, initrd and command line.</summary>
    TarKernelInitrd,

    /// <summary><c>NAME.docker</c>: the root file system with a Dockerfile.</summary>
    Docker,
}

/// <summary>The formats by their names.</summary>
public static class OutputFormats
{
    private static readonly Dictionary<string, OutputFormat> Known = new(StringComparer.Ordinal)
    {
        ["kernel+initrd"] = OutputFormat.KernelAndInitrd,
        ["tar"] = OutputFormat.Tar,
        ["tar-kernel-initrd"] = OutputFormat.TarKernelInitrd,
        ["docker"] = OutputFormat.Docker,
    };

    private static readonly Dictionary<string, string> Others = new(StringComparer.Ordinal)
    {
        ["iso-bios"] = "xorriso or genisoimage with isolinux",
        ["iso-efi"] = "systemd-boot and xorriso",
        ["iso-efi-initrd"] = "systemd-boot and xorriso",
        ["kernel+iso"] = "genisoimage",
        ["kernel+squashfs"] = "mksquashfs",
        ["kernel+erofs"] = "mkfs.erofs",
        ["raw-bios"] = "syslinux",
        ["raw-efi"] = "systemd-boot and mkfs.vfat",
        ["qcow2-bios"] = "extlinux and qemu-img",
        ["qcow2-efi"] = "systemd-boot and qemu-img",
        ["qcow2"] = "extlinux and qemu-img",
        ["qcow"] = "extlinux and qemu-img",
        ["aws"] = "extlinux",
        ["gcp"] = "extlinux",
        ["gcp-img"] = "extlinux",
        ["vhd"] = "qemu-img",
        ["dynamic-vhd"] = "qemu-img",
        ["vmdk"] = "qemu-img",
        ["rpi3"] = "u-boot's mkimage",
    };

    /// <summary>From names to formats.</summary>
    /// <param name="names">At least one.</param>
    /// <exception cref="LinuxKitException">One is unknown or cannot be written, or they do not go together.</exception>
    public static IReadOnlyList<OutputFormat> Parse(IReadOnlyList<string> names)
    {
        var faults = names.Where(name => !Known.ContainsKey(name)).Select(name => Others.TryGetValue(name, out var tool)
            ? $"the format {name} needs {tool}, which VmHost does not run: build tar or kernel+initrd and pack that, or use linuxkit build --format {name}"
            : $"unknown format type {name}{NearestKey.Hint(name, Known.Keys)}").ToList();
        if (faults.Count == 0 && names.Distinct().Skip(1).Any() && names.FirstOrDefault(name => name is "tar" or "docker") is { } alone)
            faults.Add($"the format {alone} has to be the only one");
        return faults.Count == 0 ? [.. names.Distinct().Select(name => Known[name])] : throw new LinuxKitException(faults);
    }
}
