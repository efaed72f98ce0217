namespace VmHost.Cli;

/// <summary>Recognises that nobody reads our output any more.</summary>
internal static class BrokenPipe
{
    private const int Epipe = 32;

    internal static bool Is(IOException e) => (e.HResult & 0xffff) == Epipe || e.Message.Contains("Broken pipe", StringComparison.Ordinal);
}
