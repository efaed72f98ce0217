using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommonOptions
{
    internal const string Json = "json";

    internal static Argument<string[]> Machines(bool optional = false) =>
        new("MACHINE") { Description = "Name, id or unique beginning of an id", Arity = optional ? ArgumentArity.ZeroOrMore : ArgumentArity.OneOrMore };

    internal static Argument<string> Machine() => new("MACHINE") { Description = "Name, id or unique beginning of an id" };

    internal static Option<string> Format()
    {
        var option = new Option<string>("--output", "-o") { Description = "table or json", DefaultValueFactory = _ => "table" };
        option.AcceptOnlyFromAmong("table", Json);
        return option;
    }

    /// <summary>Prints the machine: its name, or all of it as JSON.</summary>
    internal static void Print(Machine machine, string? format) =>
        Output.Line(format == Json ? MachineJson.Of(machine) : machine.Name);

    /// <summary>Does it for each; one that fails does not keep the others from it. The first failure's code counts.</summary>
    internal static async Task<int> ForEachAsync(IEnumerable<string> machines, Func<string, Task<int>> action)
    {
        var result = ExitCodes.Ok;
        foreach (var machine in machines)
        {
            int code;
            try
            {
                code = await action(machine);
            }
            catch (Exception e) when (e is not IOException)
            {
                code = Errors.Report(e);
            }

            result = result == ExitCodes.Ok ? code : result;
        }

        return result;
    }

    /// <summary>Those named, or all that run with --all.</summary>
    internal static async Task<IReadOnlyList<string>> NamedOrRunningAsync(Connection daemon, string[] named, bool all, CancellationToken ct)
    {
        if (named.Length > 0 == all)
            throw new CliException(ExitCodes.Usage, "name machines, or give --all for all that run");
        if (!all)
            return named;

        var list = await daemon.Machines.ListMachinesAsync(new(), cancellationToken: ct);
        return [.. list.Machines.Where(machine => machine.HasHypervisorPid).Select(machine => machine.Id)];
    }
}
