using System.CommandLine;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>The options that say what to run.</summary>
internal sealed class SpecOptions
{
    private readonly Argument<string?> _prefix = new("PREFIX") { Description = "Path up to -kernel, -initrd.img and -cmdline", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _name = new("--name", "-n") { Description = "Name (default: made from PREFIX)" };
    private readonly Option<int?> _cpus = new("--cpus", "-c") { Description = "Virtual CPUs (default 1)" };
    private readonly Option<string?> _memory = new("--memory", "-m") { Description = "Memory: 256 is MiB; 512M, 1.5G, … (default 1G)" };
    private readonly Option<string[]> _publish = new("--publish", "-p") { Description = "[ADDRESS:]HOST:GUEST[/udp], repeatable (default address 127.0.0.1)" };
    private readonly Option<string?> _kernel = new("--kernel") { Description = "A bzImage, instead of or in place of PREFIX-kernel" };
    private readonly Option<string?> _initrd = new("--initrd") { Description = "An initrd" };
    private readonly Option<string?> _cmdline = new("--cmdline") { Description = "Kernel command line" };
    private readonly Option<string?> _cmdlineFile = new("--cmdline-file") { Description = "File that holds it" };
    private readonly Option<string> _hypervisor = new("--hypervisor") { Description = "auto or qemu", DefaultValueFactory = _ => "auto" };
    private readonly Option<string?> _uuid = new("--uuid") { Description = "SMBIOS UUID (default: random)" };

    internal void AddTo(Command command)
    {
        _hypervisor.AcceptOnlyFromAmong("auto", "qemu");
        command.Arguments.Add(_prefix);
        foreach (var option in new Option[] { _name, _cpus, _memory, _publish, _kernel, _initrd, _cmdline, _cmdlineFile, _hypervisor, _uuid })
            command.Options.Add(option);
    }

    internal RunMachineRequest ToRequest(ParseResult parsed)
    {
        var boot = new BootSource();
        if (parsed.GetValue(_prefix) is { } prefix)
            boot.TriplePrefix = Absolute(prefix);
        if (parsed.GetValue(_kernel) is { } kernel)
            boot.KernelPath = Absolute(kernel);
        if (parsed.GetValue(_initrd) is { } initrd)
            boot.InitrdPath = Absolute(initrd);
        if (CommandLine(parsed) is { } commandLine)
            boot.CommandLine = commandLine;
        if (!boot.HasTriplePrefix && !boot.HasKernelPath)
            throw new CliException(ExitCodes.Usage, "name what to run: a PREFIX, or --kernel");

        var spec = new MachineSpec
        {
            Boot = boot,
            Hypervisor = parsed.GetValue(_hypervisor) == "qemu" ? HypervisorKind.Qemu : HypervisorKind.Unspecified,
            PublishedPorts = { (parsed.GetValue(_publish) ?? []).Select(PublishSyntax.Parse) },
        };
        if (parsed.GetValue(_cpus) is { } cpus)
            spec.CpuCount = cpus;
        if (parsed.GetValue(_memory) is { } memory)
            spec.MemoryBytes = SizeSyntax.Parse("--memory", memory);
        if (parsed.GetValue(_uuid) is { } uuid)
            spec.Uuid = uuid;

        var request = new RunMachineRequest { Spec = spec };
        if (parsed.GetValue(_name) is { } name)
            request.Name = name;
        return request;
    }

    // An empty path stays empty: the daemon names the fault.
    private static string Absolute(string path) => path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal) ? Path.GetFullPath(path) : path;

    private string? CommandLine(ParseResult parsed)
    {
        if (parsed.GetValue(_cmdlineFile) is not { } file)
            return parsed.GetValue(_cmdline);
        if (parsed.GetValue(_cmdline) is not null)
            throw new CliException(ExitCodes.Usage, "--cmdline and --cmdline-file do not go together");

        try
        {
            return File.ReadAllText(file).TrimEnd('\n', '\r');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"--cmdline-file cannot be read: {e.Message}");
        }
    }
}
