namespace VmHost.LinuxKit.Outputs;

/// <summary>How an initrd is packed. The kernel has to be able to unpack it (<c>CONFIG_RD_GZIP</c>, <c>CONFIG_RD_ZSTD</c>).</summary>
public enum Compression
{
    /// <summary>Every kernel can.</summary>
    Gzip,

    /// <summary>Kernels since 5.9 may; smaller and faster.</summary>
    Zstd,

    /// <summary>Not at all.</summary>
    None,
}
