using System.Text;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>An attachment that is read all the time.</summary>
internal sealed class AttachedClient : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly StringBuilder _output = new();
    private readonly Task _reading;
    private volatile string? _writer;
    private volatile ConsoleEnd? _end;

    private AttachedClient(ConsoleAttachment console)
    {
        Console = console;
        _reading = ReadAsync();
    }

    internal ConsoleAttachment Console { get; }

    /// <summary>The last change of the writer; null for none.</summary>
    internal string? Writer => _writer;

    internal ConsoleEnd? End => _end;

    internal string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    internal static async Task<AttachedClient> OpenAsync(
        ConsoleService.ConsoleServiceClient console, string machine, string name = "ann", bool force = false, bool readOnly = false, TimeSpan? giveUpAfter = null)
    {
        var options = new ConsoleAttachmentOptions(machine, name) { Offset = 0, Force = force, ReadOnly = readOnly, GiveUpAfter = giveUpAfter ?? TimeSpan.FromSeconds(60) };
        return new(await ConsoleAttachment.OpenAsync(console, options, TimeProvider.System, TestContext.Current.CancellationToken));
    }

    internal Task TypeAsync(string text) => Console.WriteAsync(Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    internal Task ShowsAsync(string text) =>
        Eventually.TrueAsync(() => Output.Contains(text, StringComparison.Ordinal), $"the output contains '{text}'");

    internal Task EndsAsync() => _reading.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _reading;
        }
        catch (Exception e) when (e is OperationCanceledException or Grpc.Core.RpcException)
        {
            // As it was called off.
        }

        await Console.DisposeAsync();
        _stop.Dispose();
    }

    private async Task ReadAsync()
    {
        await foreach (var response in Console.ReadAsync(_stop.Token))
        {
            switch (response.KindCase)
            {
                case AttachConsoleResponse.KindOneofCase.Output:
                    lock (_output)
                        _output.Append(response.Output.Data.ToString(Encoding.Latin1));
                    break;
                case AttachConsoleResponse.KindOneofCase.WriterChange:
                    _writer = response.WriterChange.WriterName;
                    break;
                case AttachConsoleResponse.KindOneofCase.End:
                    _end = response.End;
                    break;
            }
        }
    }
}
