using VmHost.FakeHypervisor;

var enteredAt = TimeProvider.System.GetTimestamp();

// A stand-in for qemu-system-x86_64 that does what tests tell it on the kernel command line: fake=STEP;STEP;… (see
// Script), truth=PATH for the oracle of all console output (default: truth.bin in the working directory).
switch (args)
{
    case ["-version" or "--version"]:
        Console.WriteLine("QEMU emulator version 7.2.22 (fakehv)");
        return 0;
    case ["-help" or "--help"]:
        Console.WriteLine("usage: fakehv [options]\n-sandbox on[,obsolete=allow|deny][,spawn=allow|deny]");
        return 0;
    case [FakeMachine.GrandchildArgument]:
        return FakeMachine.LiveAsGrandchild();
}

try
{
    var arguments = Arguments.Parse(args);
    if (arguments.Kernel is { } kernel && !File.Exists(kernel))
        throw new FormatException($"qemu: could not open kernel file '{kernel}': No such file or directory");

    var machine = new FakeMachine();
    machine.Start(arguments);

    using var console = new GuestConsole(arguments.Word("truth") ?? "truth.bin");
    new Script(console, machine, enteredAt).Run(arguments.Word("fake") ?? "banner;hang");
    machine.End(0, guest: true, "guest-shutdown");
    return 0;
}
catch (FormatException e)
{
    FakeMachine.Say(e.Message);
    return 1;
}
