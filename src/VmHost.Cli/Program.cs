using System.CommandLine;
using VmHost.Cli;
using VmHost.Cli.Commands;

var root = new RootCommand(Help.Text)
{
    RunCommand.Create(), StartCommand.Create(), HaltCommand.Create(), KillCommand.Create(), RemoveCommand.Create(),
    ListCommand.Create("ps", "List running machines (all with -a)", allByDefault: false),
    ListCommand.Create("ls", "List all machines", allByDefault: true, "list"),
    InspectCommand.Create(), LogsCommand.Create(), WaitCommand.Create(), VersionCommand.Create(),
};
root.Options.Add(Connection.HostOption);

if (args.Length == 0)
    args = ["--help"];

var parsed = root.Parse(args);
// System.CommandLine takes an option that it does not know for an argument, where one may stand.
var unknown = parsed.CommandResult.Children.OfType<System.CommandLine.Parsing.ArgumentResult>()
    .SelectMany(argument => argument.Tokens)
    .FirstOrDefault(token => token.Value.Length > 1 && token.Value[0] == '-');
if (unknown is not null && !args.Contains("--", StringComparer.Ordinal))
{
    VmHost.Cli.Terminal.Output.Error($"there is no option '{unknown.Value}' here. See: vmctl {parsed.CommandResult.Command.Name} --help");
    return ExitCodes.Usage;
}

if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
        VmHost.Cli.Terminal.Output.Error($"{error.Message} See: vmctl {parsed.CommandResult.Command.Name} --help");
    return ExitCodes.Usage;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (IOException e) when (BrokenPipe.Is(e))
{
    return ExitCodes.Ok;   // `vmctl logs x | head -1`: whoever read has enough
}
catch (Exception e)
{
    return Errors.Report(e);
}
