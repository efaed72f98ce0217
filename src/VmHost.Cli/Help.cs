namespace VmHost.Cli;

internal static class Help
{
    internal const string Text = """
        Runs small Linux VMs through vmhostd.

        Exit codes: 0 ok, 1 failed, 2 wrong arguments, 3 no daemon, 4 no such machine, 5 wrong state or name taken,
        6 no permission, 124 timed out, 125 run was refused, 130 interrupted. run and wait end as the machine did:
        0 powered off, 10 reset, 11 panic or triple fault, 128+N killed by signal N, 1 otherwise.
        """;
}
