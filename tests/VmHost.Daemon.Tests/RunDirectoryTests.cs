using Google.Protobuf;
using VmHost.Protocol.V1;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>The run directory disappears while machines run, as /run/user/UID does at logout.</summary>
public sealed class RunDirectoryTests
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    [Fact]
    public async Task A_running_machine_stays_usable_when_its_directory_is_removed()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "homeless", "banner;echo");
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        var directory = Path.Combine(daemon.RunDir, machine.Id);

        Directory.Delete(directory, recursive: true);
        await TypeAsync(client, machine, "one\n");

        await client.ConsoleShowsAsync(machine.Id, "one");
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(directory));
        await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
        Assert.Equal(MachineState.Paused, (await client.GetAsync(machine.Id)).State);
    }

    [Fact]
    public async Task An_adopted_machine_whose_directories_were_removed_is_fully_usable_again()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "homeless", "banner;echo");
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");

        await daemon.KillAsync();
        Directory.Delete(daemon.RunDir, recursive: true);
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).State == MachineState.Running, "the machine is adopted");

        await TypeAsync(client, machine, "two\n");
        await client.ConsoleShowsAsync(machine.Id, "two");
        await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
        Assert.Equal(MachineState.Paused, (await client.GetAsync(machine.Id)).State);
        await client.Machines.ResumeMachineAsync(new() { Machine = machine.Id });
        await client.Machines.HaltMachineAsync(new() { Machine = machine.Id });
        Assert.Equal(ExitReason.PowerOff, (await client.GetAsync(machine.Id)).LastExit.Reason);
    }

    // A stranger's socket in its place proves nothing, and neither does a file.
    [Fact]
    public async Task What_stands_in_the_place_of_the_socket_is_replaced()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "displaced", "banner;echo");
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        var socket = LaunchRecord.Load(daemon.MachineDirectory(machine.Id)).ControlSocket;
        File.Delete(socket);
        await File.WriteAllTextAsync(socket, "", TestContext.Current.CancellationToken);

        await TypeAsync(client, machine, "three\n");

        await client.ConsoleShowsAsync(machine.Id, "three");
    }

    [Fact]
    public async Task The_end_of_a_machine_whose_directory_is_gone_is_recorded_once_and_as_it_was()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "buried", "banner;echo");
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        Directory.Delete(Path.Combine(daemon.RunDir, machine.Id), recursive: true);

        // QEMU ends by itself on this, with code 0.
        Signals.Send(machine.HypervisorPid, Signals.Terminate);
        var exit = (await client.WaitAsync(machine.Id)).LastExit;

        Assert.Equal((ExitReason.Killed, 0, "QEMU was asked to end by a signal"), (exit.Reason, exit.Code, exit.Detail));
        var record = ExitRecord.Load(daemon.MachineDirectory(machine.Id));
        Assert.Equal((0, null), (record.Code, record.StartError));
        Assert.True(record.ConsoleEnd > record.ConsoleBegin);
    }

    private static async Task TypeAsync(DaemonClient client, Machine machine, string text) =>
        await client.Console.WriteConsoleAsync(new() { Machine = machine.Id, Data = ByteString.CopyFromUtf8(text) });
}
