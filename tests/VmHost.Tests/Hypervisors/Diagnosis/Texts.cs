using System.Globalization;

namespace VmHost.Tests.Hypervisors.Diagnosis;

/// <summary>What the systems' tools and files say.</summary>
internal static class Texts
{
    internal const string IntelFeatures =
        "FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH DS ACPI MMX FXSR SSE SSE2 SS HTT TM PBE SSE3 "
        + "PCLMULQDQ DTES64 MON DSCPL VMX EST TM2 SSSE3 FMA CX16 TPR PDCM SSE4.1 SSE4.2 x2APIC MOVBE POPCNT AES PCID XSAVE OSXSAVE";

    internal const string NotSigned = "/usr/local/bin/hyperkit: code object is not signed at all\n";

    // A scoped default route through a tunnel (flag I) is a Mac's usual business.
    internal const string RoutingTable = """
        Routing tables

        Internet:
        Destination        Gateway            Flags               Netif Expire
        default            192.168.1.1        UGScg                 en0
        default            link#20            UCSIg               utun3
        127                127.0.0.1          UCS                   lo0
        192.168.1          link#11            UCS                   en0      !
        192.168.64         link#22            UC               bridge100      !
        """;

    internal const string SplitRoutingTable = RoutingTable + """

        0/1                10.8.0.1           UGScg               utun4
        128.0/1            10.8.0.1           UGSc                utun4
        """;

    internal const string NoDefaultRoute = "route: writing to routing socket: not in table\n";

    internal const string Extensions = """
        Index Refs Address            Size       Wired      Name (Version) UUID <Linked Against>
            1  143 0                  0          0          com.apple.kpi.bsd (22.6.0) 2EB95C2A-7B30-3D3C-9C8A-6C3D3F2F6A11 <>
            2   11 0                  0          0          com.apple.kpi.dsep (22.6.0) 0D0E0A4C-3F3A-3E5E-8C1B-5B6B9B1B2C55 <>
        """;

    internal static string ExtensionsWithVirtualBox(string version) =>
        Extensions + $"\n  170    3 0xffffff7f9a1c8000 0xf2000    0xf2000    org.virtualbox.kext.VBoxDrv ({version}) 9B6F3A3E-1D1A-3D0F-8A5E-2E8B7C5D4F10 <8 6 5 3 1>";

    internal static string RouteThrough(string name) => $"""
           route to: default
        destination: default
               mask: default
            gateway: 192.168.1.1
          interface: {name}
              flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
         recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire
               0         0         0         0         0         0      1500         0
        """;

    internal static string Entitled(string path, string key, string value = "<true/>") =>
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"https://www.apple.com/DTDs/PropertyList-1.0.dtd\">"
        + $"<plist version=\"1.0\"><dict><key>com.apple.security.get-task-allow</key><true/><key>{key}</key>{value}</dict></plist>Executable={path}\n";

    internal static string CpuInfo(string flag) => $"""
        processor	: 0
        vendor_id	: GenuineIntel
        model name	: some processor that mentions vmx and svm
        flags		: fpu vme de pse tsc msr pae mce cx8 {flag} sse sse2 ht syscall nx lm
        vmx flags	: vnmi preemption_timer posted_intr
        bugs		: spectre_v1
        """;

    internal static string MemInfo(long available) =>
        string.Create(CultureInfo.InvariantCulture, $"MemTotal:       24683620 kB\nMemFree:          100000 kB\nMemAvailable:   {available} kB\nBuffers:            4460 kB\n");

    internal static string VmStat(long freePages) =>
        string.Create(CultureInfo.InvariantCulture, $"""
        Mach Virtual Memory Statistics: (page size of 4096 bytes)
        Pages free:                             {freePages}.
        Pages active:                          1200000.
        Pages inactive:                           1000.
        Pages speculative:                         500.
        Pages throttled:                             0.
        Pages wired down:                       900000.
        """);
}
