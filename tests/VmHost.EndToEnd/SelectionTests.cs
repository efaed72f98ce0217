using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>Commands that create, select, change and delete several machines.</summary>
public sealed class SelectionTests
{
    [Fact]
    public async Task Machines_are_created_selected_changed_and_deleted_by_the_words_of_vmctl()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.FakeHypervisor, "--pass-env", "DOTNET_ROOT", .. DaemonProcess.AnyMemory]);
        var image = FakeImages.Write(daemon.Directory, "image", "console=ttyS0 fake=banner;echo");

        Assert.Equal("later\n", await Vmctl.OkAsync(daemon, "create", "-n", "later", "-l", "env=prod", "-l", "old=1", image));
        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "now", image);
        Assert.Equal("later\n", await Vmctl.OkAsync(daemon, "ls", "-q", "-l", "env=prod"));
        Assert.Equal("later\n", await Vmctl.OkAsync(daemon, "ps", "-q", "--filter", "state=created"));
        Assert.Equal("now\n", await Vmctl.OkAsync(daemon, "ps", "-q"));

        await Vmctl.OkAsync(daemon, "update", "later", "--label", "env=test", "--label", "old-");
        Assert.Equal("later created env=test\nnow running \n", await Vmctl.OkAsync(daemon, "ls", "--format", "{{.Name}} {{.State}} {{.Labels}}"));

        // The boot log has 'ready' too; it was written before.
        await Vmctl.OkAsync(daemon, "expect", "now", "ready", "--timeout", "60");
        Assert.Equal($"{"fakehv ready\r\n".Length + "ready again".Length} ready again\n", await Vmctl.OkAsync(daemon, "send", "now", "ready again", "--expect", "ready.*again", "--timeout", "60"));

        var refused = await Vmctl.RunAsync(daemon, "prune");
        Assert.Equal((2, "vmctl: prune needs a terminal to confirm the deletion of 1 machines; give --yes\n"), (refused.ExitCode, refused.StandardError));
        Assert.Equal(2, (await Vmctl.RunAsync(daemon, "prune", "--yes", "--filter", "")).ExitCode);
        Assert.Equal("later\n", await Vmctl.OkAsync(daemon, "prune", "--yes"));
        Assert.Equal("", await Vmctl.OkAsync(daemon, "rm", "--all"));
        Assert.Equal("now\n", await Vmctl.OkAsync(daemon, "rm", "--all", "--force"));
        Assert.Equal("", await Vmctl.OkAsync(daemon, "ls", "-q"));
    }
}
