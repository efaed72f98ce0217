namespace VmHost.Posix;

/// <summary>Bits of <c>st_mode</c>, the same on every supported system.</summary>
internal static class ModeBits
{
    internal const int TypeMask = 0xF000;
    internal const int Fifo = 0x1000;
    internal const int CharacterDevice = 0x2000;
    internal const int Directory = 0x4000;
    internal const int BlockDevice = 0x6000;
    internal const int Regular = 0x8000;
    internal const int SymbolicLink = 0xA000;
    internal const int Socket = 0xC000;
}
