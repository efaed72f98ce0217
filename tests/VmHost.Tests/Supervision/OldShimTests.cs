using System.Net.Sockets;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Machines.Effects;
using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision;

/// <summary>
/// A shim of the first release, as bytes: its records and its frames stand here as it wrote them, so nothing that is changed
/// later changes them too. A machine runs for months; the daemon that is upgraded beside it must serve its old shim. A test
/// that fails here is no reason to change the bytes.
/// </summary>
public sealed class OldShimTests : IDisposable
{
    private const string Id = "0123456789ab";
    private const string Nonce = "00112233445566778899aabbccddeeff";

    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConsoleFeed _feed;
    private readonly MachinePaths _paths;

    // As the shim and the hypervisor do.
    private readonly FileLock _lock;

    public OldShimTests()
    {
        _feed = new ConsoleFeed(_directory.Combine("console"));
        _paths = new MachinePaths(_directory.Path, _directory.Path);
        _lock = FileLock.TryTake(_paths.Lock)!;
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.Combine("shim.sock")));
        _listener.Listen();
        File.WriteAllText(_directory.Combine("run.json"), $$"""
            {
              "schema": 1,
              "boot": 3,
              "nonce": "{{Nonce}}",
              "host_boot_id": "7b7ad7c2-2f2c-4a3e-8a52-0d2b2f0f3f64",
              "shim_pid": 4710,
              "shim_start_time": 123456,
              "shim_path": "/usr/libexec/vmhost/vmhost-shim",
              "shim_version": "0.1.0",
              "hypervisor_pid": 4711,
              "hypervisor_start_time": 123457,
              "started_at": "2026-11-24T12:00:00.0000000+00:00",
              "control_socket": "{{_directory.Combine("shim.sock")}}",
              "console_begin": 1000
            }
            """);
    }

    public void Dispose()
    {
        _lock.Dispose();
        _listener.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("0000 0000")]
    [InlineData("0100 0100")]
    [InlineData("0100 0900")]
    public async Task It_is_found_told_things_and_believed(string versions)
    {
        var connecting = ConnectAsync();
        using var shim = await _listener.AcceptAsync(TestContext.Current.CancellationToken);
        await GreetAsync(shim, versions);
        await using var boot = await connecting;
        Assert.Equal((4711, 4710, 3, 1000), (boot!.Run.HypervisorPid, boot.Run.ShimPid, boot.Run.Boot, boot.Run.ConsoleBegin));

        // SUBSCRIBE, answered by END: the journal ends at 4660.
        await ReadsAsync(shim, "04000000 0100 0200");
        await WriteAsync(shim, "0c000000 0100 6600 3412000000000000");
        await Eventually.TrueAsync(() => _feed.Current.State.End == 0x1234, "the journal's end is known");

        // RESIZE to 132 by 50, answered by RESULT.
        var resizing = boot.ResizeConsoleAsync(new(132, 50), TestContext.Current.CancellationToken);
        await ReadsAsync(shim, "08000000 0100 0500 8400 3200");
        await WriteAsync(shim, "0a000000 0100 6700 0500 00000000");
        await resizing;

        // SIGNAL 9, answered by RESULT.
        var killing = boot.SignalAsync(Signals.Kill, TestContext.Current.CancellationToken);
        await ReadsAsync(shim, "08000000 0100 0600 09000000");
        await WriteAsync(shim, "0a000000 0100 6700 0600 00000000");
        await killing;

        // INPUT on a connection of its own.
        var typing = boot.WriteConsoleAsync("halt\r"u8.ToArray(), TestContext.Current.CancellationToken);
        using (var input = await _listener.AcceptAsync(TestContext.Current.CancellationToken))
        {
            await GreetAsync(input, versions);
            await ReadsAsync(input, "09000000 0100 0300 68616c740d");
            await WriteAsync(input, "0a000000 0100 6700 0300 00000000");
            await typing;
        }

        // exit.json, EXITED, and the end of the connection.
        await File.WriteAllTextAsync(_directory.Combine("exit.json"), $$"""
            {
              "schema": 1,
              "boot": 3,
              "nonce": "{{Nonce}}",
              "code": 0,
              "started_at": "2026-11-24T12:00:00.0000000+00:00",
              "ended_at": "2026-11-24T12:00:07.5000000+00:00",
              "ran_for_ns": 7500000000,
              "user_ns": 3200000000,
              "system_ns": 400000000,
              "console_begin": 1000,
              "console_end": 4660,
              "console_lost_bytes": 0
            }
            """, TestContext.Current.CancellationToken);
        await WriteAsync(shim, "04000000 0100 6900");
        shim.Close();
        _lock.Dispose();

        await boot.Closed;
        var (_, end) = await new BootExaminer(Id, _paths, _feed, TimeProvider.System).ExamineAsync(BootRecordOf(Nonce), TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(5));
        var ended = Assert.IsType<BootEnd.Exited>(end);
        Assert.Equal((0, 4660, TimeSpan.FromSeconds(7.5)), (ended.Record.Code, ended.Record.ConsoleEnd, ended.Record.RanFor));
    }

    [Fact]
    public async Task One_that_speaks_only_what_is_not_known_here_is_not_talked_to()
    {
        var connecting = ConnectAsync();
        using var shim = await _listener.AcceptAsync(TestContext.Current.CancellationToken);
        await GreetAsync(shim, "0200 0300");

        Assert.Null(await connecting);
    }

    [Fact]
    public async Task One_that_does_not_know_a_request_says_so_and_is_served_on()
    {
        var connecting = ConnectAsync();
        using var shim = await _listener.AcceptAsync(TestContext.Current.CancellationToken);
        await GreetAsync(shim, "0100 0100");
        await using var boot = await connecting;
        await ReadsAsync(shim, "04000000 0100 0200");

        var resizing = boot!.ResizeConsoleAsync(new(132, 50), TestContext.Current.CancellationToken);
        await ReadsAsync(shim, "08000000 0100 0500 8400 3200");
        await WriteAsync(shim, "06000000 0100 c700 0500");
        await resizing;

        Assert.False(boot.Closed.IsCompleted);
    }

    private async Task<SupervisedBoot?> ConnectAsync() =>
        await SupervisedBoot.ContactAsync(Id, Nonce, _paths, _feed, TimeProvider.System, TestContext.Current.CancellationToken) is BootContact.Made made ? made.Boot : null;

    private static BootRecord BootRecordOf(string nonce) =>
        new(3, nonce, ProcessIdentity.HostBootId, HypervisorKind.Qemu, "/bin/true", [], DateTimeOffset.UnixEpoch);

    // HELLO with the daemon's versions, answered by WELCOME: versions, boot 3, shim 4710, hypervisor 4711, id, nonce.
    private static async Task GreetAsync(Socket shim, string versions)
    {
        await ReadsAsync(shim, "08000000 0100 0100 0000 0100");
        await WriteAsync(shim, $"41000000 0100 6500 {versions} 03000000 66120000 67120000 {Convert.ToHexString(System.Text.Encoding.ASCII.GetBytes(Id + "\n" + Nonce))}");
    }

    private static async Task WriteAsync(Socket shim, string bytes) =>
        await shim.SendAsync(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal)), TestContext.Current.CancellationToken);

    private static async Task ReadsAsync(Socket shim, string bytes)
    {
        var expected = Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal));
        var received = new byte[expected.Length];
        for (var at = 0; at < received.Length;)
        {
            var count = await shim.ReceiveAsync(received.AsMemory(at), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, count);
            at += count;
        }

        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(received));
    }
}
