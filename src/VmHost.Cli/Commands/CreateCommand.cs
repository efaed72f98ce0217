using System.CommandLine;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class CreateCommand
{
    internal static Command Create()
    {
        var spec = new SpecOptions();
        var command = new Command("create", "Create a machine as run does, and do not start it; print its name");
        spec.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var run = spec.ToRequest(parsed);
            await BuiltImage.BuildAsync(run, ct);
            var request = new CreateMachineRequest { Spec = run.Spec, RestartPolicy = run.RestartPolicy, Labels = { run.Labels }, Annotations = { run.Annotations } };
            if (run.HasName)
                request.Name = run.Name;

            using var daemon = Connection.Open(parsed);
            try
            {
                var response = await daemon.Machines.CreateMachineAsync(request, cancellationToken: ct);
                Output.Warnings(response.Warnings);
                if (CommonOptions.IsStructured(parsed))
                    CommonOptions.Print(parsed, MachineJson.Of(MachineInfo.Of(response.Machine)));
                else
                    Output.VisibleLine(response.Machine.Name);
                return ExitCodes.Ok;
            }
            catch (RpcException e) when (Errors.IsRefusal(e))
            {
                return Errors.Report(e, "create");
            }
        });
        return command;
    }
}
