using System.Text;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>The shell script that a person would have written by hand to run the same machine.</summary>
internal static class PlanScript
{
    private const UnixFileMode Executable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    internal static string NameFor(RunMachineRequest request)
    {
        var boot = request.Spec.Boot;
        var name = request.HasName ? request.Name : Path.GetFileName(boot.HasTriplePrefix ? boot.TriplePrefix : boot.KernelPath);
        return name.Length > 0 && !name.Contains('/', StringComparison.Ordinal) ? name : "machine";
    }

    /// <summary>Writes the script; one that is there is not replaced.</summary>
    /// <exception cref="CliException">It is there, or cannot be written, or the plan cannot be written by hand.</exception>
    internal static void Write(string file, PlanMachineResponse plan)
    {
        var text = Compose(plan);
        try
        {
            using var stream = new FileStream(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Executable });
            stream.Write(Encoding.UTF8.GetBytes(text));
        }
        catch (IOException) when (File.Exists(file))
        {
            throw new CliException(ExitCodes.Failed, $"--script: {file} is there already; remove it, or give another --name");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Failed, $"--script: {file} cannot be written: {e.Message}");
        }
    }

    internal static string Compose(PlanMachineResponse plan)
    {
        var script = new StringBuilder("#!/bin/sh\n");
        script.Append("# Runs the machine on this terminal, which becomes its console. Written by vmctl plan --script.\n");
        if (plan.Hypervisor is HypervisorKind.Xhyve or HypervisorKind.Hyperkit && plan.Options.Any(option => option.Words[^1].Contains("virtio-net", StringComparison.Ordinal)))
            script.Append("# vmnet needs root: run it with sudo.\n");
        if (plan.Options.Any(option => option.ForControl))
            script.Append("# Without the options by which VmHost controls the hypervisor: they need its shim and its directories.\n");

        script.Append("exec ").Append(ShellQuote.Literal(plan.Executable));
        foreach (var option in plan.Options.Where(option => !option.ForControl))
            script.Append(" \\\n    ").Append(string.Join(' ', option.Words.Select(word => ShellQuote.Literal(WithoutLinks(word, plan)))));

        return script.Append('\n').ToString();
    }

    // The links are VmHost's; by hand the files are named themselves, which works unless there is a comma in the name.
    private static string WithoutLinks(string word, PlanMachineResponse plan)
    {
        // The longest first: disk1 is the beginning of disk10.
        foreach (var link in plan.Links.OrderByDescending(link => link.Path.Length))
        {
            if (!word.Contains(link.Path, StringComparison.Ordinal))
                continue;
            if (link.Target.Contains(',', StringComparison.Ordinal))
                throw new CliException(ExitCodes.Failed, $"--script: this hypervisor cuts paths at commas, and '{link.Target}' has one; rename the file, or let VmHost run it");

            word = word.Replace(link.Path, link.Target, StringComparison.Ordinal);
        }

        return word;
    }
}
