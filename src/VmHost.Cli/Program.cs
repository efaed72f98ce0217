using System.CommandLine;
using System.Text;
using VmHost.Cli;
using VmHost.Cli.Commands;
using VmHost.Cli.Terminal;

using var interrupts = new Interrupts(TimeProvider.System);
var root = new RootCommand(Help.Description)
{
    BuildCommand.Create(), ImageCommand.Create(),
    RunCommand.Create(interrupts), CreateCommand.Create(), StartCommand.Create(), RestartCommands.CreateRestart(), RestartCommands.CreateReset(), HaltCommand.Create(), KillCommand.Create(), RemoveCommand.Create(), PruneCommand.Create(),
    ListCommand.Create("ps", "List running machines (all with -a)", allByDefault: false),
    ListCommand.Create("ls", "List all machines", allByDefault: true, "list"),
    PlanCommand.Create(), PauseCommands.CreatePause(), PauseCommands.CreateResume(), InspectCommand.Create(), LogsCommand.Create(),
    ConsoleCommand.Create(), ScreenCommand.Create(), SendCommand.Create(), ExpectCommand.Create(),
    EventsCommand.Create(), UpdateCommand.Create(), RenameCommand.Create(), WaitCommand.Create(), DoctorCommand.Create(), VersionCommand.Create(),
};
root.Options.Add(Connection.HostOption);
root.Options.Add(CommonOptions.Format);
Help.AddTo(root);

if (args.Length == 0)
    args = ["--help"];

// A kernel command line may begin with @: that is no file to read options from.
var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (Usage.Faults(parsed, args) is { Count: > 0 } faults)
{
    foreach (var fault in faults)
        Output.Error(fault);
    return ExitCodes.Usage;
}

try
{
    // Signals are ours: a foreground run ends with its machine and not soon after the first of them. What the parser
    // says itself (help) goes the way of all output.
    using var said = new StringWriter();
    var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = said };
    var code = await parsed.InvokeAsync(configuration, interrupts.Token);
    StandardStreams.Write(Encoding.UTF8.GetBytes(said.ToString()));
    return code;
}
catch (OutputClosedException)
{
    return ExitCodes.Ok;
}
catch (Exception e)
{
    return Errors.Report(e);
}
