using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>The field of a request that each part of a boot came from, so that a fault names what the caller wrote.</summary>
/// <param name="Kernel">Of the kernel.</param>
/// <param name="Initrd">Of the initial ramdisk.</param>
/// <param name="CommandLine">Of the command line.</param>
/// <param name="CommandLineFile">The file that the command line was read from; null when it was given.</param>
public sealed record BootFields(string Kernel, string Initrd, string CommandLine, string? CommandLineFile = null)
{
    /// <summary><c>spec.boot.triple_prefix</c></summary>
    public const string TriplePrefix = "spec.boot.triple_prefix";

    /// <summary><c>spec.boot.append</c></summary>
    public const string Append = "spec.boot.append";

    /// <summary>Every part given by itself.</summary>
    public static readonly BootFields OneByOne = new("spec.boot.kernel_path", "spec.boot.initrd_path", "spec.boot.command_line");
}

/// <summary>Whether a kernel, its initial ramdisk, its command line and the memory go together. Pure.</summary>
public static class BootFit
{
    // Memory below the hole for devices: what loaders use for kernel and ramdisk (xhyve's lowmem).
    private const long LowMemoryMax = 3L * 1024 * 1024 * 1024;
    private const long PageSize = 4096;
    private const long BytesPerMiB = 1024 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Everything that does not fit; empty when all does.</summary>
    /// <param name="kernel">Null when it could not be read: then only the command line is checked.</param>
    /// <param name="initrdSize">In bytes; 0 for none.</param>
    /// <param name="commandLine">Without NUL at its end.</param>
    /// <param name="memory">Of the guest; null when it is not known, and then not checked.</param>
    /// <param name="fields">What the faults are to name.</param>
    /// <param name="append">Appended to the command line, after a space; null for nothing.</param>
    public static ImmutableArray<SpecFault> Check(
        BzImageHeader? kernel,
        long initrdSize,
        string commandLine,
        ByteSize? memory,
        BootFields fields,
        string? append = null)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();

        if (kernel is not null && PlacementFaultOf(kernel, initrdSize, memory, fields) is { } placement)
            faults.Add(placement);

        AddCommandLineFault(kernel?.MaxCommandLineBytes, commandLine, append, fields, faults);
        return faults.DrainToImmutable();
    }

    /// <summary>As <see cref="Check"/>, for an arm64 kernel.</summary>
    public static ImmutableArray<SpecFault> CheckArm64(
        Arm64Image kernel, long initrdSize, string commandLine, ByteSize? memory, BootFields fields, string? append = null)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        var least = new ByteSize(AlignUp(AlignUp(kernel.RunEnd, PageSize) + AlignUp(initrdSize, PageSize), BytesPerMiB));
        if (memory is { } given && given < least)
            faults.Add(new("spec.memory_bytes", Invariant($"{given} is too little: this kernel with its initial ramdisk needs at least {least}, and more to unpack it; give {Advice(least, initrdSize).MiB} MiB or more")));

        AddCommandLineFault(Arm64Image.MaxCommandLineBytes, commandLine, append, fields, faults);
        return faults.DrainToImmutable();
    }

    /// <summary>The whole kernel command line.</summary>
    /// <param name="commandLine">The first part; may be empty.</param>
    /// <param name="append">The last part; null for none.</param>
    public static string Join(string commandLine, string? append) =>
        append is null ? commandLine : commandLine.Length > 0 ? $"{commandLine} {append}" : append;

    private static void AddCommandLineFault(int? most, string commandLine, string? append, BootFields fields, ImmutableArray<SpecFault>.Builder faults)
    {
        var fault = CommandLineFaultOf(most, commandLine);
        if (fault is not null)
            faults.Add(new(fields.CommandLine, fields.CommandLineFile is { } file ? $"{Quoted.Text(file)} {fault}" : fault));
        if (append is null)
            return;

        if (CommandLineFaultOf(most, append) is { } appendFault)
            faults.Add(new(BootFields.Append, appendFault));
        else if (fault is null && CommandLineFaultOf(most, Join(commandLine, append)) is { } joinedFault)
            faults.Add(new(BootFields.Append, $"with the command line before it {joinedFault}"));
    }

    /// <summary>
    /// The least memory, in whole MiB, in which the kernel can unpack itself with the initial ramdisk above it. To unpack
    /// the ramdisk takes more, which nobody can tell before.
    /// </summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="initrdSize">In bytes; 0 for none.</param>
    public static ByteSize LeastMemory(BzImageHeader kernel, long initrdSize) =>
        new(AlignUp(initrdSize == 0 ? kernel.RunEnd : AlignUp(kernel.RunEnd, PageSize) + AlignUp(initrdSize + 1, PageSize), BytesPerMiB));

    /// <summary>The largest initial ramdisk that the kernel takes in any memory, in bytes; 0 or less when none.</summary>
    /// <param name="kernel">The kernel.</param>
    public static long LargestInitrd(BzImageHeader kernel) =>
        Math.Min(kernel.InitrdAddrMax, LowMemoryMax - 1) - AlignUp(kernel.RunEnd, PageSize);

    private static SpecFault? PlacementFaultOf(BzImageHeader kernel, long initrdSize, ByteSize? memory, BootFields fields)
    {
        if (kernel.RunEnd > LowMemoryMax)
            return new(fields.Kernel, Invariant($"the kernel wants to run up to address 0x{kernel.RunEnd:x}, beyond the 3 GiB that loaders use; use another kernel"));

        if (initrdSize > 0 && initrdSize > LargestInitrd(kernel))
            return new(fields.Initrd, Invariant($"the initial ramdisk has {initrdSize} bytes, and this kernel takes at most {Math.Max(0, LargestInitrd(kernel))}, whatever the memory; make it smaller"));

        if (memory is not { } given)
            return null;

        var least = LeastMemory(kernel, initrdSize);
        if (given >= least)
            return null;

        return initrdSize == 0
            ? new("spec.memory_bytes", Invariant($"{given} is too little for this kernel, which needs at least {least}; give {least.MiB} MiB or more"))
            : new("spec.memory_bytes", Invariant($"{given} is too little: this kernel needs {LeastMemory(kernel, 0)}, and with its initial ramdisk of {initrdSize} bytes at least {least}, and more to unpack it; give {Advice(least, initrdSize).MiB} MiB or more"));
    }

    // Ramdisks unpack to some two to four times their size.
    private static ByteSize Advice(ByteSize least, long initrdSize) =>
        new(AlignUp(least.Bytes + (3 * initrdSize), 64 * BytesPerMiB));

    private static string? CommandLineFaultOf(int? kernelTakes, string commandLine)
    {
        if (commandLine.AsSpan().IndexOfAny('\0', '\r', '\n') is var position and >= 0)
            return Invariant($"contains {NameOf(commandLine[position])} at character {position + 1}, where the kernel would end it or a loader break it; use a space");

        int length;
        try
        {
            length = StrictUtf8.GetByteCount(commandLine);
        }
        catch (EncoderFallbackException e)
        {
            return Invariant($"is no valid Unicode at character {e.Index + 1}; remove that character");
        }

        var most = kernelTakes ?? BzImageHeader.UsualMaxCommandLineBytes;
        return length > most
            ? Invariant($"is {length} bytes long, and {(kernelTakes is null ? "an x86 kernel" : "this kernel")} takes at most {most}; shorten it")
            : null;
    }

    private static string NameOf(char character) =>
        character switch
        {
            '\0' => "NUL",
            '\r' => "a carriage return",
            _ => "a line break",
        };

    private static long AlignUp(long value, long alignment) => (value + alignment - 1) & -alignment;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
