namespace VmHost.FakeHypervisor.Guest;

/// <summary>What a test says on the kernel command line.</summary>
/// <param name="Steps">For <see cref="Script"/>.</param>
/// <param name="Truth">The oracle's file.</param>
internal sealed record Orders(string Steps, string Truth)
{
    internal static Orders In(string commandLine)
    {
        var words = commandLine.Split(' ');
        return new(Word("fake") ?? "banner;hang", Word("truth") ?? "truth.bin");

        string? Word(string name) =>
            Array.Find(words, word => word.StartsWith(name + '=', StringComparison.Ordinal))?[(name.Length + 1)..];
    }
}
