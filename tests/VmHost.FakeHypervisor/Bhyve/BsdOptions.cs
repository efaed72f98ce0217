namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>
/// getopt(3) of the BSDs: flags may be grouped, values glued; the first word that is no option ends the options, and
/// what follows is ignored without a word.
/// </summary>
internal static class BsdOptions
{
    /// <summary>The options in order; '?' stands for one that is wrong, and is the last.</summary>
    /// <param name="name">The program's, for messages.</param>
    /// <param name="grammar">Letters, those with a value followed by a colon.</param>
    /// <param name="args">Its arguments.</param>
    internal static IEnumerable<(char Option, string Value)> Parse(string name, string grammar, string[] args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i].Length < 2 || args[i][0] != '-' || args[i] == "--")
                yield break;

            for (var at = 1; at < args[i].Length; at++)
            {
                var option = args[i][at];
                var known = option == ':' ? -1 : grammar.IndexOf(option, StringComparison.Ordinal);
                if (known < 0)
                {
                    FakeMachine.Say($"{name}: illegal option -- {option}");
                    yield return ('?', "");
                    yield break;
                }

                if (known + 1 == grammar.Length || grammar[known + 1] != ':')
                {
                    yield return (option, "");
                    continue;
                }

                if (at + 1 < args[i].Length)
                {
                    yield return (option, args[i][(at + 1)..]);
                }
                else if (i + 1 < args.Length)
                {
                    yield return (option, args[++i]);
                }
                else
                {
                    FakeMachine.Say($"{name}: option requires an argument -- {option}");
                    yield return ('?', "");
                    yield break;
                }

                break;
            }
        }
    }
}
