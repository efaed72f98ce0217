using VmHost.Hypervisors;

namespace VmHost.Tests.Hypervisors;

/// <summary>The words are Linux's own, as 6.1 and 4.9 print them.</summary>
public sealed class GuestFaultsTests
{
    [Theory]
    [InlineData("[    0.9] Initramfs unpacking failed: junk within compressed archive\n[    1.2] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", GuestFault.DamagedInitrd)]
    [InlineData("[    0.9] rootfs image is not initramfs (junk in compressed archive); looks like an initrd", GuestFault.DamagedInitrd)]
    [InlineData("[    0.9] Initramfs unpacking failed: invalid magic at start of compressed archive", GuestFault.DamagedInitrd)]
    [InlineData("[    0.9] Initramfs unpacking failed: write error\nKernel panic - not syncing: No working init found.", GuestFault.OutOfMemory)]
    [InlineData("[    1.1] Kernel panic - not syncing: No working init found.  Try passing init= option to kernel.", GuestFault.NoInit)]
    [InlineData("[    1.1] Kernel panic - not syncing: Requested init /sbin/nope failed (error -2).", GuestFault.NoInit)]
    [InlineData("[    1.1] VFS: Cannot open root device \"vda1\" or unknown-block(0,0): error -6\nKernel panic - not syncing: VFS: Unable to mount root fs", GuestFault.NoRootDevice)]
    [InlineData("[    1.0] Kernel panic - not syncing: System is deadlocked on memory", GuestFault.OutOfMemory)]
    [InlineData("[   60.0] Out of memory: Killed process 61 (redis-server)\n[   61.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009", GuestFault.OutOfMemory)]
    [InlineData("[    2.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100", GuestFault.InitEnded)]
    [InlineData("[    2.0] Kernel panic - not syncing: sysrq triggered crash", GuestFault.Panic)]
    [InlineData("Welcome to demo\n/ # ", GuestFault.None)]
    [InlineData("", GuestFault.None)]
    public void What_the_kernel_says_is_what_is_wrong(string console, GuestFault fault) => Assert.Equal(fault, GuestFaults.Find(console));

    [Fact]
    public void Each_fault_is_explained() =>
        Assert.All(Enum.GetValues<GuestFault>().Where(fault => fault != GuestFault.None), fault => Assert.NotEmpty(GuestFaults.Explain(fault)));
}
