using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision;

/// <summary>What is on disk stays valid: a record of an earlier version has fewer members.</summary>
public sealed class ShimRecordsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_launch_record_of_an_earlier_daemon_has_no_monitor()
    {
        File.WriteAllText(_directory.Combine("launch.json"), """
            {
              "schema": 1, "machine": "0123456789ab", "boot": 1, "nonce": "n", "host_boot_id": "b", "executable": "/bin/true",
              "arguments": ["a"], "console_on_stdout": true, "control_socket": "/run/s",
              "journal_total_bytes": 1000, "journal_segment_bytes": 100
            }
            """);

        Assert.Null(LaunchRecord.Load(_directory.Path).MonitorDescriptor);
    }

    [Fact]
    public void A_launch_record_keeps_its_monitor()
    {
        var launch = new LaunchRecord
        {
            MachineId = "m",
            Boot = 1,
            Nonce = "n",
            HostBootId = "b",
            Executable = "/bin/true",
            Arguments = [],
            ConsoleOnStandardOutput = true,
            ControlSocket = "/run/s",
            Journal = new(1000, 100),
            MonitorDescriptor = LaunchRecord.MonitorNumber,
        };
        launch.Save(_directory.Path);

        Assert.Equal(4, LaunchRecord.Load(_directory.Path).MonitorDescriptor);
    }

    [Fact]
    public void A_run_record_keeps_what_is_new_and_does_without_it()
    {
        var old = Records.Run("/run/s");
        old.Save(_directory.Path);
        Assert.Equal(old, RunRecord.Load(_directory.Path));
        Assert.DoesNotContain("socket_recovery", File.ReadAllText(_directory.Combine("run.json")), StringComparison.Ordinal);

        var now = old with { SocketRecovery = true, Monitor = true, LockFile = new(ulong.MaxValue, 7) };
        now.Save(_directory.Path);
        Assert.Equal(now, RunRecord.Load(_directory.Path));
    }

    // A machine runs for months beside a shim that knows these numbers.
    [Fact]
    public void The_numbers_of_the_frames_stay() =>
        Assert.Equal(
            "Hello=1 Subscribe=2 Input=3 Lease=4 Resize=5 Signal=6 Status=7 OpenMonitor=8 ToMonitor=9 InputAt=10 Welcome=101 End=102 Result=103 StatusReply=104 Exited=105 MonitorSaid=106 Unknown=199",
            string.Join(' ', Enum.GetValues<FrameType>().Select(type => $"{type}={(int)type}")));
}
