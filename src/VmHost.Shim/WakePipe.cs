using VmHost.Posix;

namespace VmHost.Shim;

/// <summary>Makes a thread return from <c>poll</c>. Wakes that nobody saw yet become one.</summary>
internal sealed class WakePipe
{
    private readonly int _write;

    internal WakePipe()
    {
        (Read, _write) = Descriptor.Pipe();
        Descriptor.SetNonBlocking(Read);
        Descriptor.SetNonBlocking(_write);
    }

    /// <summary>The end to poll for reading.</summary>
    internal int Read { get; }

    // A full pipe means that a wake is on its way already.
    internal void Wake() => _ = Descriptor.Write(_write, "!"u8);

    internal void Drain()
    {
        Span<byte> seen = stackalloc byte[64];
        while (Descriptor.Read(Read, seen) > 0)
        {
            // Only that there was one matters.
        }
    }
}
