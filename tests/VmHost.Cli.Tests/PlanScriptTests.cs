using System.Diagnostics;
using VmHost.Cli.Commands;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Cli.Tests;

public sealed class PlanScriptTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vmctl-").FullName;

    [Fact]
    public async Task The_script_runs_the_program_with_exactly_the_plans_words()
    {
        // A program that prints its arguments, one a line, in place of xhyve.
        var program = Path.Combine(_directory, "print arguments");
        ExecutableFile.Write(program, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
        var plan = Plan(program);
        var file = Path.Combine(_directory, "demo.sh");

        PlanScript.Write(file, plan);

        using var run = Process.Start(new ProcessStartInfo(file) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var output = await run.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal("-A\n-s\n2:0,virtio-net\n-f\nkexec,/images/it's a kernel,/images/initrd,console=ttyS0 a=\"b c\" $HOME `x`\n", output);
        Assert.Contains("vmnet needs root", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dash")]
    [InlineData("bash", "--posix")]
    [InlineData("bash")]
    [InlineData("busybox", "sh")]
    public async Task Every_shell_passes_every_character_as_it_is(string shell, params string[] options)
    {
        var program = Path.Combine(_directory, "print bytes");
        ExecutableFile.Write(program, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n");
        string[] words = ["-f", string.Concat(Enumerable.Range(1, 0x2ff).Select(code => (char)code)), "", "=x", "$'a'", "\\n", "\u202e", "!!", "it's"];
        var plan = new PlanMachineResponse { Executable = program, Options = { new PlanOption { Words = { words } } } };
        var file = Path.Combine(_directory, $"{shell}.sh");

        PlanScript.Write(file, plan);

        using var run = Process.Start(new ProcessStartInfo(shell, [.. options, file]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var output = await run.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(words.Select(word => word + '\0'), output.Split('\0')[..^1].Select(word => word + '\0'));
    }

    [Fact]
    public void A_script_that_is_there_is_not_replaced()
    {
        var file = Path.Combine(_directory, "demo.sh");
        File.WriteAllText(file, "mine");

        var error = Assert.Throws<CliException>(() => PlanScript.Write(file, Plan("/bin/true")));

        Assert.Contains("is there already", error.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(file));
    }

    [Fact]
    public void A_comma_in_a_files_own_name_cannot_be_written_by_hand()
    {
        var plan = Plan("/bin/true");
        plan.Links[0].Target = "/images/a,b";

        Assert.Contains("cuts paths at commas", Assert.Throws<CliException>(() => PlanScript.Compose(plan)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_whose_name_begins_with_anothers_is_replaced_as_a_whole()
    {
        var plan = new PlanMachineResponse { Hypervisor = HypervisorKind.Xhyve, Executable = "/bin/true" };
        foreach (var number in new[] { 1, 10, 100 })
        {
            plan.Links.Add(new PlanLink { Path = $"/state/m/disk{number}", Target = $"/images/{number}.img" });
            plan.Options.Add(new PlanOption { Words = { "-s", $"{number},virtio-blk,/state/m/disk{number}" } });
        }

        var forward = PlanScript.Compose(plan);
        var links = plan.Links.Reverse().ToList();
        plan.Links.Clear();
        plan.Links.AddRange(links);

        Assert.Equal(forward, PlanScript.Compose(plan));
        foreach (var number in new[] { 1, 10, 100 })
            Assert.Contains($"{number},virtio-blk,/images/{number}.img", forward, StringComparison.Ordinal);
        Assert.DoesNotContain("/state/m", forward, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redis", "/images/demo", "redis")]
    [InlineData(null, "/images/demo", "demo")]
    [InlineData("../../etc/x", "/images/demo", "machine")]
    public void The_script_is_named_after_the_machine(string? name, string prefix, string expected)
    {
        var request = new RunMachineRequest { Spec = new() { Boot = new() { TriplePrefix = prefix } } };
        if (name is not null)
            request.Name = name;

        Assert.Equal(expected, PlanScript.NameFor(request));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static PlanMachineResponse Plan(string program) => new()
    {
        Hypervisor = HypervisorKind.Xhyve,
        Executable = program,
        Options =
        {
            new PlanOption { Words = { "-A" } },
            new PlanOption { Words = { "-s", "2:0,virtio-net" } },
            new PlanOption { Words = { "-F", "only for control" }, ForControl = true },
            new PlanOption { Words = { "-f", "kexec,/state/m/kernel,/state/m/initrd,console=ttyS0 a=\"b c\" $HOME `x`" } },
        },
        Links =
        {
            new PlanLink { Path = "/state/m/kernel", Target = "/images/it's a kernel" },
            new PlanLink { Path = "/state/m/initrd", Target = "/images/initrd" },
        },
    };
}
