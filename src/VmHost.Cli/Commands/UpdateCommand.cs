using System.CommandLine;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class UpdateCommand
{
    // kubectl's spelling for a label that is to be removed.
    private const char Remove = '-';

    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var restart = RestartSyntax.Option();
        restart.Description = "Start them again: no, on-failure[:N], always or unless-stopped";
        var labels = new Option<string[]>("--label", "-l") { Description = "Set label KEY=VALUE, or remove label KEY-, repeatable", HelpName = "LABEL" };
        var command = new Command("update", "Change the restart policy and the labels of machines, running or not") { machines, restart, labels };
        command.Aliases.Add("set");
        command.SetAction(async (parsed, ct) =>
        {
            var policy = parsed.GetValue(restart) is { } text ? RestartSyntax.Parse("--restart", text) : null;
            var changes = parsed.GetValue(labels) ?? [];
            if (policy is null && changes.Length == 0)
                throw new CliException(ExitCodes.Usage, "give --restart or --label");

            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine =>
            {
                var request = new UpdateMachineRequest { Machine = machine, UpdateMask = new() };
                if (policy is not null)
                {
                    request.RestartPolicy = policy;
                    request.UpdateMask.Paths.Add("restart_policy");
                }

                foreach (var change in changes)
                    Apply(change, request);

                return BatchResult.Of((await daemon.Machines.UpdateMachineAsync(request, cancellationToken: ct)).Machine);
            });
        });
        return command;
    }

    // Each by its own path, so that labels which another client sets at the same time stay.
    private static void Apply(string change, UpdateMachineRequest request)
    {
        var key = change.Split('=', 2)[0];
        if (key.Length < change.Length)
            request.Labels[key] = change[(key.Length + 1)..];
        else if (change.EndsWith(Remove))
            key = change[..^1];
        else
            throw new CliException(ExitCodes.Usage, $"--label wants KEY=VALUE, or KEY- to remove a label, not '{change}'");

        request.UpdateMask.Paths.Add($"labels.{key}");
    }
}
