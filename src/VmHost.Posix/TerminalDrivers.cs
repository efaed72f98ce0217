using System.Globalization;

namespace VmHost.Posix;

/// <summary>
/// The numbers of Linux's terminal devices (<c>/proc/tty/drivers</c>). A device is recognised by its number and not opened: to close the
/// only open slave of a pseudo-terminal again hangs up its master.
/// </summary>
internal static class TerminalDrivers
{
    private const string File = "/proc/tty/drivers";

    // What is opened by these names is not the other end of a line.
    private const string Multiplexer = "/dev/ptmx";
    private const string Master = "pty:master";

    /// <summary>True if a driver for terminals has the number; also where the list cannot be read.</summary>
    internal static bool Have(uint major, uint minor)
    {
        string[] lines;
        try
        {
            lines = System.IO.File.ReadAllLines(File);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;   // the hypervisor reports what it cannot open
        }

        return Array.Exists(lines, line => Has(line, major, minor));
    }

    /// <summary>True if a line of the list, such as <c>pty_slave /dev/pts 136 0-1048575 pty:slave</c>, has the number.</summary>
    internal static bool Has(string line, uint major, uint minor) =>
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var path, var number, var range, var type]
        && path != Multiplexer && type != Master
        && uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var driver) && driver == major
        && range.Split('-') is [var first, ..] bounds
        && uint.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var low)
        && uint.TryParse(bounds[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var high)
        && minor >= low && minor <= high;
}
