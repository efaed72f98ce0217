using Google.Protobuf;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>What a person at the guest's serial console types.</summary>
internal static class TypedInput
{
    internal static async Task SendAsync(DaemonProcess daemon, string machine, string text)
    {
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        await new ConsoleService.ConsoleServiceClient(channel).WriteConsoleAsync(new() { Machine = machine, Data = ByteString.CopyFromUtf8(text) });
    }
}
