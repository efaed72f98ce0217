using System.Text;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Benchmarks;

/// <summary>A client that types and waits for the echo, as vmctl does at a terminal.</summary>
internal sealed class AttachedConsole : IAsyncDisposable
{
    private readonly ConsoleAttachment _console;
    private readonly IAsyncEnumerator<AttachConsoleResponse> _responses;

    private AttachedConsole(ConsoleAttachment console)
    {
        _console = console;
        _responses = console.ReadAsync(CancellationToken.None).GetAsyncEnumerator();
    }

    internal static async Task<AttachedConsole> OpenAsync(ConsoleService.ConsoleServiceClient console, string machine) =>
        new(await ConsoleAttachment.OpenAsync(console, new(machine, "benchmark") { Offset = 0 }, TimeProvider.System, CancellationToken.None));

    /// <summary>Reads until the output contains a text.</summary>
    internal async Task ReadToAsync(string text)
    {
        var seen = new StringBuilder();
        while (!seen.ToString().Contains(text, StringComparison.Ordinal) && await _responses.MoveNextAsync())
            seen.Append(_responses.Current.Output?.Data.ToString(Encoding.ASCII));
    }

    /// <summary>Types a key; true if its echo is what comes next.</summary>
    internal async Task<bool> EchoAsync(byte key)
    {
        await _console.WriteAsync(new[] { key }, CancellationToken.None);
        return await _responses.MoveNextAsync() && _responses.Current.Output is { } output && output.Data.Span.SequenceEqual([key]);
    }

    public async ValueTask DisposeAsync()
    {
        await _console.DisposeAsync();
        try
        {
            await _responses.DisposeAsync();
        }
        catch (NotSupportedException)
        {
            // It is being read, which has just been called off.
        }
    }
}
