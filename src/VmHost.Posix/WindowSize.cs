using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>A terminal's size (<c>struct winsize</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct WindowSize
{
    /// <summary>In characters.</summary>
    public ushort Rows;

    /// <summary>In characters.</summary>
    public ushort Columns;

    public ushort WidthInPixels;

    public ushort HeightInPixels;
}
