using VmHost.Posix;

namespace VmHost.Tests.Posix;

public sealed class TerminalDriversTests
{
    [Theory]
    [InlineData("pty_slave            /dev/pts      136 0-1048575 pty:slave", 136, 7, true)]
    [InlineData("serial               /dev/ttyS       4 64-95 serial", 4, 64, true)]
    [InlineData("serial               /dev/ttyS       4 64-95 serial", 4, 96, false)]
    [InlineData("serial               /dev/ttyS       4 64-95 serial", 5, 64, false)]
    [InlineData("/dev/tty             /dev/tty        5       0 system:/dev/tty", 5, 0, true)]
    [InlineData("/dev/ptmx            /dev/ptmx       5       2 system", 5, 2, false)]
    [InlineData("pty_master           /dev/ptm      128 0-1048575 pty:master", 128, 0, false)]
    [InlineData("", 1, 3, false)]
    public void A_line_of_the_drivers_has_a_range_of_numbers(string line, uint major, uint minor, bool has) => Assert.Equal(has, TerminalDrivers.Has(line, major, minor));
}
