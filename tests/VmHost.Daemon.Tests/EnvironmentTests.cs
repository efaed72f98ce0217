using System.Text;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>What of the daemon's environment its shims and hypervisors get.</summary>
public sealed class EnvironmentTests
{
    // Of the tests themselves.
    private const string Mark = "VMHOST_TEST_RUN";

    [Fact]
    public async Task Shim_and_hypervisor_get_a_few_variables_and_those_that_are_named_and_no_secret()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--pass-env", "LD_EXAMPLE", "--pass-env=PULSE_EXAMPLE", "--pass-env", "NOT_SET");
        await daemon.StopAsync();
        foreach (var name in new[] { "HOME", "USER", "LANG", "LC_TIME", "LC_EXAMPLE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "LD_EXAMPLE", "PULSE_EXAMPLE", "EXAMPLE_OF_VARIABLE" })
            daemon.Variables[name] = name is "TMPDIR" or "XDG_RUNTIME_DIR" ? daemon.Directory : $"value of {name}";
        foreach (var name in new[] { "REGISTRY_PASSWORD", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD_NOT", "LC", "PATH_OF", "XDG_CONFIG_HOME" })
            daemon.Variables[name] = "secret";
        daemon.Variables["VMHOST_PASS_ENV"] = "EXAMPLE_OF_VARIABLE, ";
        await daemon.StartAsync();
        using var client = new DaemonClient(daemon);

        var machine = (await client.RunAsync(daemon, "private", "banner;hang"));

        var expected = new[]
        {
            "EXAMPLE_OF_VARIABLE", "HOME", "LANG", "LC_EXAMPLE", "LC_TIME", "LD_EXAMPLE", "PATH", "PULSE_EXAMPLE", "TMPDIR", "TZ", "USER", Mark, "XDG_RUNTIME_DIR",
        };
        foreach (var pid in new[] { machine.ShimPid, machine.HypervisorPid })
        {
            var environment = Read(pid);
            Assert.Equal(expected, environment.Keys.Where(static name => name is not "LC_ALL" and not "LC_CTYPE" and not "DOTNET_ROOT").Order(StringComparer.Ordinal));
            Assert.Equal("value of LC_TIME", environment["LC_TIME"]);
            Assert.Equal("value of LD_EXAMPLE", environment["LD_EXAMPLE"]);
            Assert.DoesNotContain("secret", environment.Values);
        }
    }

    private static Dictionary<string, string> Read(int pid) =>
        File.ReadAllText($"/proc/{pid}/environ", Encoding.UTF8).Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Select(variable => variable.Split('=', 2))
            .ToDictionary(variable => variable[0], variable => variable[1], StringComparer.Ordinal);
}
