using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>One daemon for the tests of a class, each of which names its machines differently.</summary>
public sealed class FakeDaemonFixture : IAsyncLifetime
{
    internal DaemonProcess Daemon { get; private set; } = null!;

    internal DaemonClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Daemon = await DaemonProcess.StartOnFakeAsync();
        Client = new DaemonClient(Daemon);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Daemon.DisposeAsync();
    }
}
