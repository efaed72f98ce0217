namespace VmHost.Specs;

/// <summary>How a machine's only network interface reaches the world.</summary>
public enum NetworkMode
{
    /// <summary>By way of the host's address: QEMU's user-mode network, vmnet, or Virtualization.framework's.</summary>
    Nat,

    /// <summary>No interface.</summary>
    None,

    /// <summary>HyperKit's user-mode network, through vpnkit's socket.</summary>
    Vpnkit,
}

/// <summary>The network interface, as asked for and as it will be.</summary>
/// <param name="Mode">How it reaches the world.</param>
/// <param name="MacAddress">
/// Six octets in lower-case hex with colons; null for one that the hypervisor or its driver derives from the UUID.
/// </param>
/// <param name="VpnkitSocket">Absolute path; set for <see cref="NetworkMode.Vpnkit"/> only.</param>
public sealed record Network(NetworkMode Mode, string? MacAddress = null, string? VpnkitSocket = null) : StoredObject
{
    /// <summary>What a machine gets that asks for nothing.</summary>
    public static Network Default { get; } = new(NetworkMode.Nat);
}
