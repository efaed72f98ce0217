using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>A terminal's settings (<c>struct termios</c>). An object never changes.</summary>
public sealed partial class TerminalSettings
{
    private readonly byte[] _settings;

    private TerminalSettings(byte[] settings) => _settings = settings;

    /// <summary>The present settings.</summary>
    /// <exception cref="PosixException">The descriptor is not a terminal.</exception>
    public static TerminalSettings Of(int terminal)
    {
        var settings = new byte[TerminalTable.SettingsSize.Value];
        return Get(terminal, ref MemoryMarshal.GetArrayDataReference(settings)) == 0
            ? new TerminalSettings(settings)
            : throw PosixException.Last("get the terminal's settings");
    }

    /// <summary>As these, but every key goes to the reader at once, as the byte that it is (<c>cfmakeraw</c>).</summary>
    public TerminalSettings ToRaw()
    {
        var raw = _settings.AsSpan().ToArray();
        MakeRaw(ref MemoryMarshal.GetArrayDataReference(raw));
        return new TerminalSettings(raw);
    }

    /// <summary>As these, but output passes as it is: a line feed stays one byte.</summary>
    public TerminalSettings WithoutOutputProcessing()
    {
        var plain = _settings.AsSpan().ToArray();
        plain.AsSpan(TerminalTable.OutputFlags.Value, TerminalTable.FlagsSize.Value).Clear();
        return new TerminalSettings(plain);
    }

    /// <summary>Gives the terminal these settings.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public void ApplyTo(int terminal)
    {
        if (!TryApplyTo(terminal))
            throw PosixException.Last("set the terminal's settings");
    }

    /// <summary>As <see cref="ApplyTo"/>; false when it failed (<see cref="Descriptor.LastError"/>).</summary>
    /// <param name="terminal">The terminal.</param>
    /// <param name="discardInput">Also discards what was typed and not read yet.</param>
    public bool TryApplyTo(int terminal, bool discardInput = false)
    {
        var when = (discardInput ? TerminalTable.SetAndFlush : TerminalTable.SetNow).Value;
        return Set(terminal, when, ref MemoryMarshal.GetArrayDataReference(_settings)) == 0;
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int Get(int terminal, ref byte settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int Set(int terminal, int when, ref byte settings);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(ref byte settings);
}
