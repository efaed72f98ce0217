using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>Where the parts of a boot are.</summary>
/// <param name="KernelPath">Null when it is missing; a fault says so.</param>
/// <param name="InitrdPath">Null for none, or when it is missing.</param>
/// <param name="CommandLine">Null when it is missing or cannot be read.</param>
/// <param name="Fields">Which field of the request each part came from.</param>
/// <param name="Faults">Everything that is missing or wrong; empty when nothing is.</param>
public sealed record LocatedBoot(
    string? KernelPath,
    string? InitrdPath,
    string? CommandLine,
    BootFields Fields,
    ImmutableArray<SpecFault> Faults);

/// <summary>
/// Finds a LinuxKit triple by its prefix: <c>PREFIX-kernel</c> or, without one, <c>PREFIX-bzImage</c>,
/// <c>PREFIX-initrd.img</c> and <c>PREFIX-cmdline</c>. Parts that were given by themselves replace the triple's.
/// </summary>
public static class TripleFinder
{
    /// <summary>Of a <c>PREFIX-cmdline</c> file, in bytes; far beyond what any kernel takes.</summary>
    public const int MaxCommandLineFileBytes = 64 * 1024;

    private const string KernelSuffix = "-kernel";
    private const string BzImageSuffix = "-bzImage";
    private const string InitrdSuffix = "-initrd.img";
    private const string CommandLineSuffix = "-cmdline";

    // Some editors put it at the head of a text; a kernel would take it for a part of the first parameter.
    private const char ByteOrderMark = '\ufeff';

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Looks which files there are and reads the command line. Opens neither kernel nor ramdisk.</summary>
    /// <param name="request">As it came in.</param>
    public static LocatedBoot Find(BootRequest request)
    {
        if (request.TriplePrefix is not { } prefix)
            return FindOneByOne(request);

        var fields = new BootFields(
            request.KernelPath is null ? BootFields.TriplePrefix : BootFields.OneByOne.Kernel,
            request.InitrdPath is null ? BootFields.TriplePrefix : BootFields.OneByOne.Initrd,
            request.CommandLine is null ? BootFields.TriplePrefix : BootFields.OneByOne.CommandLine);

        if (ImageFile.PathFaultOf(prefix) is { } pathFault)
            return new(request.KernelPath, request.InitrdPath, request.CommandLine, fields, [new(BootFields.TriplePrefix, pathFault)]);

        var kernel = request.KernelPath ?? FirstOf(prefix + KernelSuffix, prefix + BzImageSuffix);
        var initrd = request.InitrdPath ?? FirstOf(prefix + InitrdSuffix);
        var commandLinePath = request.CommandLine is null ? FirstOf(prefix + CommandLineSuffix) : null;

        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        AddMissing(request, prefix, kernel is null, initrd is null, request.CommandLine is null && commandLinePath is null, faults);

        var commandLine = request.CommandLine;
        if (commandLinePath is not null && !TryReadCommandLine(commandLinePath, out commandLine, out var fault))
            faults.Add(new(BootFields.TriplePrefix, fault));

        return new(kernel, initrd, commandLine, fields with { CommandLineFile = commandLinePath }, faults.DrainToImmutable());
    }

    private static LocatedBoot FindOneByOne(BootRequest request)
    {
        ImmutableArray<SpecFault> faults = request.KernelPath is null
            ? [new(BootFields.OneByOne.Kernel, "is not set, nor is spec.boot.triple_prefix; give one of them, as an absolute path")]
            : [];
        return new(request.KernelPath, request.InitrdPath, request.CommandLine ?? "", BootFields.OneByOne, faults);
    }

    private static void AddMissing(
        BootRequest request,
        string prefix,
        bool noKernel,
        bool noInitrd,
        bool noCommandLine,
        ImmutableArray<SpecFault>.Builder faults)
    {
        var wanted = Count(request.KernelPath is null, request.InitrdPath is null, request.CommandLine is null);
        var missing = Count(noKernel, noInitrd, noCommandLine);

        if (missing > 0 && ProperPrefixOf(prefix) is { } proper)
        {
            faults.Add(new(BootFields.TriplePrefix, $"{Quoted.Text(prefix)} is one file of a triple; give the prefix that its files share: {Quoted.Text(proper)}"));
        }
        else if (missing == wanted && missing > 1)
        {
            var parts = new List<string>();
            if (noKernel)
                parts.Add($"{Quoted.Text(prefix + KernelSuffix)} (or {BzImageSuffix})");
            if (noInitrd)
                parts.Add(Quoted.Text(prefix + InitrdSuffix));
            if (noCommandLine)
                parts.Add(Quoted.Text(prefix + CommandLineSuffix));
            faults.Add(new(BootFields.TriplePrefix, $"there is no triple of this prefix: none of {string.Join(", ", parts)} exists; check the path, without the suffixes"));
        }
        else
        {
            if (noKernel)
                faults.Add(Missing($"{Quoted.Text(prefix + KernelSuffix)} (or {BzImageSuffix})", BootFields.OneByOne.Kernel));
            if (noInitrd)
                faults.Add(Missing(Quoted.Text(prefix + InitrdSuffix), BootFields.OneByOne.Initrd));
            if (noCommandLine)
                faults.Add(Missing(Quoted.Text(prefix + CommandLineSuffix), BootFields.OneByOne.CommandLine));
        }
    }

    private static SpecFault Missing(string shown, string insteadField) =>
        new(BootFields.TriplePrefix, $"{shown} does not exist and the triple is not whole without it; put it there or set {insteadField}");

    private static int Count(params ReadOnlySpan<bool> conditions) => conditions.Count(true);

    private static string? FirstOf(params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
        {
            // A path that became too long by its suffix is not there.
            if (ImageFile.PathFaultOf(path) is null && ImageFile.Exists(path))
                return path;
        }

        return null;
    }

    private static string? ProperPrefixOf(string prefix)
    {
        foreach (var suffix in new[] { KernelSuffix, BzImageSuffix, InitrdSuffix, CommandLineSuffix })
        {
            if (prefix.EndsWith(suffix, StringComparison.Ordinal) && ImageFile.Exists(prefix))
                return prefix[..^suffix.Length];
        }

        return null;
    }

    private static bool TryReadCommandLine(string path, out string? commandLine, out string fault)
    {
        commandLine = null;
        using var file = ImageFile.Open(path, mayBeEmpty: true, out var status, out fault);
        if (file is null)
            return false;

        if (status.Size > MaxCommandLineFileBytes)
        {
            fault = string.Create(CultureInfo.InvariantCulture, $"{Quoted.Text(path)} has {status.Size} bytes and is no command line, which has at most {MaxCommandLineFileBytes}; check the file");
            return false;
        }

        try
        {
            var bytes = new byte[status.Size];
            var length = RandomAccess.Read(file, bytes, 0);
            commandLine = StrictUtf8.GetString(bytes.AsSpan(0, length)).TrimStart(ByteOrderMark).TrimEnd('\n', '\r');
            return true;
        }
        catch (DecoderFallbackException)
        {
            fault = $"{Quoted.Text(path)} is no UTF-8 text; write the command line into it";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = $"{Quoted.Text(path)} cannot be read ({e.Message}); check the file";
        }

        return false;
    }
}
