namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>The hypervisor will not run this machine: its words, and its exit code or the signal it dies of.</summary>
internal sealed class Refusal(string words, int code = 1, int? signal = null) : Exception(words)
{
    internal const int BadArgument = 64;

    internal int Code => code;

    internal int? Signal => signal;

    /// <summary>It crashes, without a word.</summary>
    internal static Refusal Crash() => new("", signal: Native.SegmentationFault);

    /// <summary>It gives up by abort().</summary>
    internal static Refusal Abort(string words) => new(words, signal: Native.Abort);
}
