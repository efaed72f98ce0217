using System.CommandLine;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class RunCommand
{
    internal static Command Create()
    {
        var spec = new SpecOptions();
        var detach = new Option<bool>("--detach", "-d") { Description = "Return once it runs, and print its name" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the command line that would run" };
        var remove = new Option<bool>("--rm") { Description = "Delete it when it has ended" };
        var format = CommonOptions.Format();
        var command = new Command("run", "Create a machine from PREFIX-kernel, PREFIX-initrd.img and PREFIX-cmdline, and run it") { detach, dryRun, remove, format };
        spec.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var request = spec.ToRequest(parsed);
            if (parsed.GetValue(remove) && parsed.GetValue(detach))
                throw new CliException(ExitCodes.Usage, "--rm does not go with --detach: nobody would be there to delete it");

            using var daemon = Connection.Open(parsed);
            try
            {
                if (parsed.GetValue(dryRun))
                    return await PlanAsync(daemon, request, ct);

                var response = await daemon.Machines.RunMachineAsync(request, cancellationToken: ct);
                foreach (var warning in response.Warnings)
                    Output.Note($"vmctl: warning: {warning}");
                if (!parsed.GetValue(detach))
                    return await ForegroundRun.UntilEndAsync(daemon, response.Machine, parsed.GetValue(remove));

                CommonOptions.Print(response.Machine, parsed.GetValue(format));
                return ExitCodes.Ok;
            }
            catch (RpcException e) when (Client.DaemonUnreachableException.Find(e) is null)
            {
                Errors.Report(e);
                return ExitCodes.Refused;
            }
        });
        return command;
    }

    private static async Task<int> PlanAsync(Connection daemon, RunMachineRequest request, CancellationToken ct)
    {
        var asked = new PlanMachineRequest { Spec = request.Spec };
        if (request.HasName)
            asked.Name = request.Name;
        var plan = await daemon.Machines.PlanMachineAsync(asked, cancellationToken: ct);
        Output.Line(string.Join(' ', plan.Argv.Select(ShellQuote.Quote)));
        foreach (var path in plan.RunTimePaths)
            Output.Note($"# exists only while the machine runs: {path}");
        foreach (var warning in plan.Warnings)
            Output.Note($"# warning: {warning}");
        return ExitCodes.Ok;
    }
}
