using System.CommandLine;
using VmHost.Cli.Terminal;
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
        var spec = new SpecUpdate();
        var command = new Command("update", "Change machines, running or not; a running machine takes what concerns its hardware at its next start") { machines, restart, labels };
        command.Aliases.Add("set");
        spec.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var template = new UpdateMachineRequest { UpdateMask = new() };
            if (parsed.GetValue(restart) is { } policy)
            {
                template.RestartPolicy = RestartSyntax.Parse("--restart", policy);
                template.UpdateMask.Paths.Add("restart_policy");
            }

            foreach (var change in parsed.GetValue(labels) ?? [])
                Apply(change, template);
            spec.Apply(parsed, template);
            if (template.UpdateMask.Paths.Count == 0)
                throw new CliException(ExitCodes.Usage, "nothing to change: give --restart, --label, --memory, --cpus, --publish, --disk or --cmdline");

            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine =>
            {
                var request = template.Clone();
                request.Machine = machine;
                var updated = (await daemon.Machines.UpdateMachineAsync(request, cancellationToken: ct)).Machine;
                if (updated.PendingSpec is not null && request.Spec is not null)
                    Output.Note($"{updated.Name}: takes effect at its next start (vmctl restart {updated.Name})");
                return BatchResult.Of(updated);
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
