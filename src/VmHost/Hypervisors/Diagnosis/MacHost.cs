using System.Runtime.InteropServices;
using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Looks at a Mac. All of these tools come with macOS.</summary>
internal static class MacHost
{
    internal static async Task<MacEvidence> LookAsync(Questions questions, HostFacts facts, CancellationToken ct)
    {
        Task<string?> Value(string name) => questions.AskAsync("/usr/sbin/sysctl", ct, "-n", name);

        var (arm64, support, features) = (Value("hw.optional.arm64"), Value("kern.hv_support"), Value("machdep.cpu.features"));

        // It fails where there is no default route, and says so.
        var route = questions.AskAnyhowAsync("/sbin/route", ct, "-n", "get", "default");
        var table = questions.AskAsync("/usr/sbin/netstat", ct, "-rn", "-f", "inet");
        var extensions = questions.AskAsync("/usr/sbin/kextstat", ct);
        var signatures = SignaturesAsync(questions, facts, ct);
        return new()
        {
            IsX64Process = RuntimeInformation.ProcessArchitecture == Architecture.X64,
            Arm64Support = await arm64,
            HypervisorSupport = await support,
            CpuFeatures = await features,
            DefaultRoute = await route,
            RoutingTable = await table,
            KernelExtensions = await extensions,
            Signatures = await signatures,
        };
    }

    // codesign fails for a program without a signature, and says so.
    private static async Task<IReadOnlyDictionary<HypervisorKind, string?>> SignaturesAsync(Questions questions, HostFacts facts, CancellationToken ct)
    {
        var answers = new Dictionary<HypervisorKind, string?>();
        foreach (var hypervisor in facts.Hypervisors)
        {
            if (hypervisor is { Problem: null, Path: { } path })
                answers[hypervisor.Kind] = await questions.AskAnyhowAsync("/usr/bin/codesign", ct, "-d", "--entitlements", "-", "--xml", path);
        }

        return answers;
    }
}
