using VmHost.ShimContract.Records;

namespace VmHost.Supervision;

/// <summary>What became of a boot once its shim is gone.</summary>
public abstract record BootEnd
{
    private BootEnd()
    {
    }

    /// <summary>The hypervisor ended and the shim wrote how.</summary>
    public sealed record Exited(ExitRecord Record) : BootEnd;

    /// <summary>Nothing runs any more, and nobody wrote how it ended.</summary>
    public sealed record Lost : BootEnd;
}
