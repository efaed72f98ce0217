using System.Net.Sockets;
using System.Text;

namespace VmHost.FakeHypervisor.Qemu;

/// <summary>
/// QEMU's monitors: one on a socket that was inherited, whose client is greeted at once and never changes; one at a path, which
/// serves a client at a time; and one that only logs events.
/// </summary>
internal sealed class QmpMonitors : IDisposable
{
    private readonly string? _path;
    private readonly Func<string, QmpResult> _execute;
    private readonly Socket? _listener;

    // Guards what follows, so that events come in the same order to all.
    private readonly Lock _lock = new();
    private readonly List<QmpConnection> _clients = [];
    private readonly FileStream? _log;
    private bool _isDisposed;

    /// <param name="arguments">Which there are. What is at the path is replaced; the log is begun anew, as by QEMU.</param>
    /// <param name="execute">As <see cref="QmpConnection"/> takes it.</param>
    internal QmpMonitors(QemuArguments arguments, Func<string, QmpResult> execute)
    {
        (_path, _execute) = (arguments.QmpSocket, execute);
        _log = arguments.QmpLog is null ? null : new(arguments.QmpLog, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0);
        if (_path is not null)
        {
            _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            File.Delete(_path);
            _listener.Bind(new UnixDomainSocketEndPoint(_path));
            _listener.Listen(1);
            Start(ServeClients);
        }

        if (arguments.QmpDescriptor is { } descriptor)
        {
            var inherited = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            Start(() => Serve(inherited));
        }
    }

    /// <summary>Sends an event to all that have negotiated.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="data">JSON; null for none.</param>
    internal void SendEvent(string name, string? data = null)
    {
        var more = data is null ? "" : $$""", "data": {{data}}""";
        var line = Encoding.UTF8.GetBytes(
            $$"""{"timestamp": {"seconds": {{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()}}, "microseconds": 0}, "event": "{{name}}"{{more}}}""" + "\r\n");
        lock (_lock)
        {
            if (_isDisposed)
                return;

            Log(line);
            foreach (var client in _clients)
                client.SendEvent(line);
        }
    }

    public void Dispose()
    {
        if (_path is not null && Directory.Exists(Path.GetDirectoryName(_path)))
            File.Delete(_path);

        lock (_lock)
        {
            _isDisposed = true;
            _log?.Dispose();
        }

        _listener?.Dispose();
    }

    private bool IsDisposed
    {
        get
        {
            lock (_lock)
                return _isDisposed;
        }
    }

    private static void Start(ThreadStart run) => new Thread(run) { IsBackground = true }.Start();

    private void ServeClients()
    {
        while (Accept() is { } client)
            Serve(client);
    }

    private void Serve(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        var client = new QmpConnection(stream, _execute);
        lock (_lock)
            _clients.Add(client);
        client.Serve();
        lock (_lock)
            _clients.Remove(client);
    }

    // Null once the monitors are disposed of. An exception that left this thread would abort the process before it exits with 0.
    private Socket? Accept()
    {
        while (true)
        {
            try
            {
                return _listener!.Accept();
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.Interrupted)
            {
                // A signal came, such as that of a terminal's new size.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException && IsDisposed)
            {
                return null;
            }
        }
    }

    private void Log(byte[] line)
    {
        try
        {
            _log?.Write(line);
        }
        catch (IOException)
        {
            // QEMU goes on without a word where its log cannot be written.
        }
    }
}
