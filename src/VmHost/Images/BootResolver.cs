using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>Finds what is to be booted, looks into it, and checks whether it can boot in the memory given.</summary>
public static class BootResolver
{
    /// <summary>The files of a request, or everything that is wrong with them.</summary>
    /// <param name="request">As it came in.</param>
    /// <param name="memory">Of the guest; null when it is not known, and then not checked.</param>
    public static BootResolution Resolve(BootRequest request, ByteSize? memory)
    {
        var located = TripleFinder.Find(request);
        var faults = located.Faults.ToBuilder();
        var append = request.Append is { Length: > 0 } given ? given : null;
        var architecture = CheckParts(located, append, memory, faults);

        return faults.Count > 0 || located.KernelPath is null || located.CommandLine is null
            ? new(null, faults.DrainToImmutable())
            : new(new(request.TriplePrefix, located.KernelPath, located.InitrdPath, BootFit.Join(located.CommandLine, append), architecture), []);
    }

    /// <summary>Checks files that were resolved earlier once more, before a boot: they may have changed since.</summary>
    /// <param name="files">From <see cref="Resolve"/>.</param>
    /// <param name="memory">Of the guest.</param>
    /// <returns>Everything that is wrong now; empty when nothing is.</returns>
    public static ImmutableArray<SpecFault> Recheck(BootFiles files, ByteSize memory)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        CheckParts(new(files.KernelPath, files.InitrdPath, files.CommandLine, BootFields.OneByOne, []), append: null, memory, faults);
        return faults.DrainToImmutable();
    }

    private static GuestArchitecture CheckParts(LocatedBoot boot, string? append, ByteSize? memory, ImmutableArray<SpecFault>.Builder faults)
    {
        BzImageHeader? kernel = null;
        Arm64Image? arm64 = null;
        if (boot.KernelPath is { } kernelPath && !TryReadKernel(kernelPath, out kernel, out arm64, out var kernelFault))
            faults.Add(new(boot.Fields.Kernel, kernelFault));

        long initrdSize = 0;
        if (boot.InitrdPath is { } initrdPath)
        {
            using var file = ImageFile.Open(initrdPath, mayBeEmpty: false, out var status, out var fault);
            if (file is null)
                faults.Add(new(boot.Fields.Initrd, fault));
            else
                initrdSize = status.Size;
        }

        if (boot.CommandLine is { } commandLine)
        {
            faults.AddRange(arm64 is null
                ? BootFit.Check(kernel, initrdSize, commandLine, memory, boot.Fields, append)
                : BootFit.CheckArm64(arm64, initrdSize, commandLine, memory, boot.Fields, append));
        }

        return arm64 is null ? GuestArchitecture.X64 : GuestArchitecture.Arm64;
    }

    private static bool TryReadKernel(
        string path,
        out BzImageHeader? header,
        out Arm64Image? arm64,
        out string fault)
    {
        (header, arm64) = (null, null);
        using var file = ImageFile.Open(path, mayBeEmpty: false, out var status, out fault);
        if (file is null)
            return false;

        try
        {
            arm64 = Arm64Image.TryRead(file);
            var problem = arm64?.Problem;
            if (arm64 is not null ? problem is null : BzImageHeader.TryRead(file, status.Size, out header, out problem))
                return true;

            fault = $"{Quoted.Text(path)} {problem}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = $"{Quoted.Text(path)} cannot be read ({e.Message}); check the file";
        }

        return false;
    }
}
