namespace VmHost.Specs;

/// <summary>The format of a disk image.</summary>
public enum DiskFormat
{
    /// <summary>The disk's bytes and nothing else.</summary>
    Raw,

    /// <summary>QEMU's qcow2.</summary>
    Qcow2,
}

/// <summary>A disk image.</summary>
/// <param name="Path">Absolute path of a regular file.</param>
/// <param name="Format">Its format.</param>
/// <param name="ReadOnly">The guest cannot write it.</param>
public sealed record Disk(string Path, DiskFormat Format, bool ReadOnly) : StoredObject;
