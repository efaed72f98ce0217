using VmHost.Specs;

namespace VmHost.Hypervisors;

/// <summary>What is said of an arm64 kernel by hypervisors that run x86-64 guests only.</summary>
internal static class UnsupportedGuest
{
    internal static SpecFault? FaultOf(BootFiles boot, string hypervisor)
    {
        if (boot.Architecture == GuestArchitecture.X64)
            return null;

        var field = boot.TriplePrefix is { } prefix && boot.KernelPath.StartsWith(prefix, StringComparison.Ordinal)
            ? "spec.boot.triple_prefix"
            : "spec.boot.kernel_path";
        return new(field, $"{Quoted.Text(boot.KernelPath)} is a kernel for arm64, and {hypervisor} runs x86-64 guests here; give an x86-64 bzImage, usually named vmlinuz or bzImage");
    }
}
