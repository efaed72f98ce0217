using System.Text.RegularExpressions;
using Google.Protobuf.Reflection;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>What is so of the published programs only: they are compiled in another way than those of the other tests.</summary>
public sealed partial class PublishedProgramTests
{
    [Fact]
    public async Task The_daemon_opens_no_diagnostic_socket()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();

        // Sockets that are open; a file may be left of a process that had the same number.
        var sockets = await File.ReadAllTextAsync($"/proc/{daemon.Pid}/net/unix", TestContext.Current.CancellationToken);
        Assert.Contains(daemon.Socket, sockets, StringComparison.Ordinal);
        Assert.DoesNotContain($"dotnet-diagnostic-{daemon.Pid}-", sockets, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_is_reported_in_words_and_not_by_the_key_of_a_message()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.FakeHypervisor, "--pass-env", "DOTNET_ROOT", .. DaemonProcess.AnyMemory]);
        var image = FakeImages.Write(daemon.Directory, "fake", "console=ttyS0 fake=banner");
        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "worded", image);
        await Vmctl.RunAsync(daemon, "wait", "worded");
        var console = Path.Combine(Directory.EnumerateDirectories(Path.Combine(daemon.StateDir, "machines")).Single(), "console");
        Directory.Delete(console, recursive: true);
        await File.WriteAllTextAsync(console, "in the directory's place", TestContext.Current.CancellationToken);

        // What the shim's runtime says reaches a person in both places.
        var start = await Vmctl.RunAsync(daemon, "start", "worded");
        var list = await Vmctl.OkAsync(daemon, "inspect", "worded");

        Assert.NotEqual(0, start.ExitCode);
        foreach (var shown in new[] { start.StandardError, list })
        {
            Assert.Contains("already exists", shown, StringComparison.Ordinal);
            Assert.DoesNotMatch(ResourceKey(), shown);
        }
    }

    [Fact]
    public void The_descriptor_set_has_all_services_and_what_they_import()
    {
        var files = FileDescriptorSet.Parser.ParseFrom(File.ReadAllBytes(Repository.Published("vmhost-v1.binpb"))).File;

        Assert.Equal(
            ["ConsoleService", "EventService", "HostService", "MachineService"],
            files.Where(file => file.Package == "vmhost.v1").SelectMany(file => file.Service).Select(service => service.Name).Order(StringComparer.Ordinal));
        Assert.Contains(files, file => file.Name == "google/protobuf/field_mask.proto");
        Assert.All(files.Where(file => file.Package == "vmhost.v1"), file => Assert.Equal("vmhost.v1", file.Options.JavaPackage));
    }

    // Such as IO_PathNotFound_Path.
    [GeneratedRegex("[A-Z][A-Za-z]+_[A-Z][A-Za-z]+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ResourceKey();
}
