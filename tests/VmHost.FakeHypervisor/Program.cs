using VmHost.FakeHypervisor;
using VmHost.FakeHypervisor.Bhyve;
using VmHost.FakeHypervisor.Booting;
using VmHost.FakeHypervisor.Guest;
using VmHost.FakeHypervisor.Qemu;

var enteredAt = TimeProvider.System.GetTimestamp();

// A stand-in for a hypervisor. By --face=NAME: qemu (without the option), xhyve and hyperkit do what tests tell them on
// the kernel command line: fake=STEP;STEP;… (see Script), truth=PATH for the oracle of all console output (truth.bin in
// the working directory). xhyve-on-qemu and hyperkit-on-qemu boot the kernel.
switch (args)
{
    case [FakeMachine.GrandchildArgument]:
        return FakeMachine.LiveAsGrandchild();
    case ["--face=xhyve", .. var rest]:
        return RunBhyve(Face.Xhyve, rest, boots: false);
    case ["--face=hyperkit", .. var rest]:
        return RunBhyve(Face.HyperKit, rest, boots: false);
    case ["--face=xhyve-on-qemu", .. var rest]:
        return RunBhyve(Face.Xhyve, rest, boots: true);
    case ["--face=hyperkit-on-qemu", .. var rest]:
        return RunBhyve(Face.HyperKit, rest, boots: true);
    default:
        return RunQemu(args);
}

int RunQemu(string[] words)
{
    switch (words)
    {
        case ["-version" or "--version"]:
            Console.WriteLine("QEMU emulator version 7.2.22 (fakehv)");
            return 0;
        case ["-help" or "--help"]:
            Console.WriteLine("usage: fakehv [options]\n-sandbox on[,obsolete=allow|deny][,spawn=allow|deny]");
            return 0;

        // A guest in the place of the firmware, which writes to the port that ends QEMU: what it writes is at the reset vector.
        case [.., "-bios", var rom, "-device", "isa-debug-exit,iobase=0xf4,iosize=0x1"]:
            return (File.ReadAllBytes(rom)[^15] << 1) | 1;
    }

    try
    {
        var arguments = QemuArguments.Parse(words);
        if (arguments.Kernel is { } kernel && !File.Exists(kernel))
            throw new FormatException($"qemu: could not open kernel file '{kernel}': No such file or directory");

        var orders = Orders.In(arguments.CommandLine);
        using var machine = new QemuMachine(arguments, hasMonitor: !orders.Steps.Split(';').Contains("noqmp", StringComparer.Ordinal));

        // A person at a pipe has no terminal: then fd 1 is written, as by QEMU.
        using var console = new GuestConsole(Native.IsTerminal(0) ? 0 : 1, orders.Truth, machine);
        new Script(console, machine, enteredAt).Run(orders.Steps);
        return 0;
    }
    catch (FormatException e)
    {
        FakeMachine.Say(e.Message);
        return 1;
    }
}

int RunBhyve(Face face, string[] words, bool boots)
{
    try
    {
        var arguments = BhyveArguments.Parse(face, words);
        var hasConsole = new BhyveBoard(face, arguments).SetUp();
        KexecLoader.Load(arguments);
        if (boots)
            return new BootingMachine(face, arguments, hasConsole).Run();

        using var machine = new BhyveMachine(face, arguments);
        var orders = Orders.In(arguments.CommandLine);
        using var console = new GuestConsole(hasConsole ? 0 : Native.Open("/dev/null", Native.ReadWrite), orders.Truth, machine);
        console.DropWhenFull();
        new Script(console, machine, enteredAt).Run(orders.Steps);
        return 0;
    }
    catch (Refusal e)
    {
        if (e.Message.Length > 0)
            FakeMachine.Say(e.Message);
        if (e.Signal is { } signal)
            Native.DieOf(signal);

        return e.Code;
    }
}
