using VmHost.Cli.Terminal;

namespace VmHost.Cli.Tests;

public sealed class MachineJsonTests
{
    [Fact]
    public void Quotes_and_plus_signs_are_readable_and_control_characters_escaped()
    {
        var json = MachineJson.Of(new PlanView("qemu", "/bin/qemu", ["it's a+b <c>", "\u001b]0;x\u0007\u009b"], [], [], [], []));

        Assert.Contains("it's a+b <c>", json, StringComparison.Ordinal);
        Assert.DoesNotContain(json, letter => char.IsControl(letter) && letter != '\n');
    }
}
