namespace VmHost.Supervision.Qmp;

/// <summary>An access to a disk that failed and stopped the guest.</summary>
/// <param name="Disk">VmHost's name of the disk (<c>disk0</c>, <c>cdrom0</c>), or QEMU's name of the device where it has no other.</param>
/// <param name="Text">The host's error, for example "No space left on device".</param>
internal sealed record DiskError(string Disk, string Text);
