using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace VmHost.Cli;

/// <summary>The usual help, with what every command has in common at its end.</summary>
internal sealed class Help(HelpAction usual) : SynchronousCommandLineAction
{
    internal const string Description = "Runs small Linux VMs through vmhostd.";

    // Of every terminal. To ask one for its width System.Console would put it into application mode.
    private const int Width = 80;

    private const string End = """
        Environment:
          VMHOST_SOCKET  The daemon's socket, where --host is not given

        Exit codes:
          0    ok                        10   the guest reset itself (run, wait)
          1    failed                    11   the guest panicked, or triple-faulted (run, wait)
          2    wrong arguments           124  timed out
          3    the daemon is not there   125  run was refused, or the guest never ran
          4    no such machine           128+N  the machine was ended by signal N (run, wait)
          5    wrong state; taken        130  interrupted
          6    no permission

          run and wait exit with 0 when the guest powered off or halted.

        """;

    public override bool ClearsParseErrors => usual.ClearsParseErrors;

    public override int Invoke(ParseResult parseResult)
    {
        var result = usual.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output.WriteLine(End);
        return result;
    }

    internal static void AddTo(RootCommand root)
    {
        foreach (var option in root.Options.OfType<HelpOption>())
        {
            if (option.Action is HelpAction usual)
            {
                usual.MaxWidth = Width;
                option.Action = new Help(usual);
            }
        }
    }
}
