using System.Runtime.InteropServices;

namespace VmHost.Cli.Terminal;

/// <summary>How large the terminal on stdout is.</summary>
/// <param name="Columns">In characters.</param>
/// <param name="Rows">In characters.</param>
internal sealed partial record TerminalSize(int Columns, int Rows)
{
    private const int Output = 1;

    // TIOCGWINSZ.
    private static readonly nuint GetSize = OperatingSystem.IsMacOS() ? 0x40087468u : 0x5413u;

    // Apple's arm64 passes variadic arguments on the stack: six unused ones fill the registers.
    private static readonly bool OnStack = OperatingSystem.IsMacOS() && RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Null where there is no terminal, or one that does not know.</summary>
    internal static TerminalSize? Now
    {
        get
        {
            var size = default(WindowSize);
            var result = OnStack ? ControlOnStack(Output, GetSize, 0, 0, 0, 0, 0, 0, ref size) : Control(Output, GetSize, ref size);
            return result == 0 && size is { Columns: > 0, Rows: > 0 } ? new(size.Columns, size.Rows) : null;
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int terminal, nuint request, ref WindowSize size);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int ControlOnStack(
        int terminal, nuint request, nint x2, nint x3, nint x4, nint x5, nint x6, nint x7, ref WindowSize size);

    private struct WindowSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort PixelsX;
        public ushort PixelsY;
    }
}
