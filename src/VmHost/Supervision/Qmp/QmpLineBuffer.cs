using System.Buffers;

namespace VmHost.Supervision.Qmp;

/// <summary>Puts the parts of a line together.</summary>
internal sealed class QmpLineBuffer
{
    /// <summary>The longest line, in bytes: events have some hundred, the registers of 255 processors 800 KiB.</summary>
    internal const int MaxLine = 4 << 20;

    private readonly ArrayBufferWriter<byte> _line = new();

    /// <summary>Adds a part, and hands the line on if this was its last.</summary>
    /// <exception cref="InvalidDataException">The line is too long: the other side is not QEMU.</exception>
    internal void Add(ReadOnlySpan<byte> part, bool isLast, QmpLineHandler handler)
    {
        if (_line.WrittenCount + part.Length > MaxLine)
            throw new InvalidDataException($"the monitor sent a line of more than {MaxLine >> 20} MiB");

        _line.Write(part);
        if (!isLast)
            return;

        if (_line.WrittenCount > 0)
            handler(_line.WrittenMemory);

        _line.ResetWrittenCount();
    }
}
