using System.Threading.Channels;

namespace VmHost.Cli.Terminal;

/// <summary>What is typed, as it comes. A read of a terminal cannot be called off, so it has a thread that ends with the process.</summary>
internal static class Keyboard
{
    private const int ChunkSize = 4096;

    // A paste is read no faster than it can be sent.
    private const int MaxChunks = 4;

    /// <summary>Starts reading; the channel ends with the input. Once a process.</summary>
    internal static ChannelReader<byte[]> Open()
    {
        var keys = Channel.CreateBounded<byte[]>(MaxChunks);
        new Thread(() => Read(keys.Writer)) { IsBackground = true, Name = "keyboard" }.Start();
        return keys.Reader;
    }

    private static void Read(ChannelWriter<byte[]> keys)
    {
        var buffer = new byte[ChunkSize];
        while (StandardStreams.Read(buffer) is > 0 and var count)
        {
            if (!keys.TryWrite(buffer[..count]))
                keys.WriteAsync(buffer[..count]).AsTask().GetAwaiter().GetResult();
        }

        keys.Complete();
    }
}
