using VmHost.Cli.Commands;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Tests;

public sealed class SyntaxTests
{
    [Theory]
    [InlineData("256", 256L << 20)]
    [InlineData("512M", 512L << 20)]
    [InlineData("1.5G", 1536L << 20)]
    [InlineData("2GiB", 2L << 30)]
    [InlineData("64KB", 64L << 10)]
    [InlineData("-5", -5L << 20)]
    [InlineData("1T", 1L << 40)]
    public void Sizes_are_what_people_mean(string text, long bytes) => Assert.Equal(bytes, SizeSyntax.Parse("--memory", text));

    [Theory]
    [InlineData("")]
    [InlineData("lots")]
    [InlineData("1X")]
    [InlineData("1GG")]
    [InlineData("99999999999999999999T")]
    [InlineData("0x10")]
    public void What_is_no_size_is_a_usage_error(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => SizeSyntax.Parse("--memory", text)).ExitCode);

    [Theory]
    [InlineData("no", RestartMode.No, 0)]
    [InlineData("on-failure", RestartMode.OnFailure, 0)]
    [InlineData("on-failure:5", RestartMode.OnFailure, 5)]
    [InlineData("always", RestartMode.Always, 0)]
    [InlineData("unless-stopped", RestartMode.UnlessStopped, 0)]
    public void Restart_policies_are_written_as_for_docker_and_shown_as_written(string text, RestartMode mode, int retries)
    {
        var policy = RestartSyntax.Parse("--restart", text);

        Assert.Equal((mode, retries), (policy.Mode, policy.MaxRetries));
        Assert.Equal(text, Describe.Restart(policy));
    }

    [Theory]
    [InlineData("")]
    [InlineData("sometimes")]
    [InlineData("Always")]
    [InlineData("always:3")]
    [InlineData("on-failure:")]
    [InlineData("on-failure:0")]
    [InlineData("on-failure:-1")]
    [InlineData("on-failure:3:4")]
    [InlineData("on-failure:99999999999")]
    public void What_is_no_restart_policy_is_a_usage_error(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => RestartSyntax.Parse("--restart", text)).ExitCode);

    [Theory]
    [InlineData("90", "2026-11-24T11:58:30Z")]
    [InlineData("90s", "2026-11-24T11:58:30Z")]
    [InlineData("1.5h", "2026-11-24T10:30:00Z")]
    [InlineData("3d", "2026-11-21T12:00:00Z")]
    [InlineData("99999999999999999999d", "1970-01-01T00:00:00Z")]
    [InlineData("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z")]
    [InlineData("2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00Z")]
    public void Times_are_how_long_ago_or_when(string text, string time) =>
        Assert.Equal(Time(time), TimeSyntax.Parse("--since", text, Time("2026-11-24T12:00:00Z")));

    [Theory]
    [InlineData("")]
    [InlineData("yesterday-ish")]
    [InlineData("5w")]
    [InlineData("-5m")]
    [InlineData("2026-13-01")]
    public void What_is_no_time_is_a_usage_error(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => TimeSyntax.Parse("--since", text, Time("2026-11-24T12:00:00Z"))).ExitCode);

    [Theory]
    [InlineData("stopped", "{ \"stopped\": { } }")]
    [InlineData("running", "{ \"running\": { } }")]
    [InlineData("console:/ #", "{ \"console\": { \"pattern\": \"/ #\" } }")]
    [InlineData("console:tcp:1", "{ \"console\": { \"pattern\": \"tcp:1\" } }")]
    [InlineData("tcp:6379", "{ \"port\": { \"guestPort\": 6379 } }")]
    public void A_condition_is_a_word_or_a_kind_and_what(string text, string request) =>
        Assert.Equal(request, WaitSyntax.Parse("--for", text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("started")]
    [InlineData("tcp:")]
    [InlineData("tcp:0")]
    [InlineData("tcp:65536")]
    [InlineData("tcp:-1")]
    [InlineData("Console:x")]
    public void What_is_no_condition_is_a_usage_error(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => WaitSyntax.Parse("--for", text)).ExitCode);

    [Theory]
    [InlineData("8080:80", "", 8080, 80, PortProtocol.Tcp)]
    [InlineData("0.0.0.0:53:53/udp", "0.0.0.0", 53, 53, PortProtocol.Udp)]
    [InlineData("65536:-1", "", 65536, -1, PortProtocol.Tcp)]
    public void Ports_are_written_as_for_docker(string text, string address, int host, int guest, PortProtocol protocol)
    {
        var port = PublishSyntax.Parse("--publish", text);

        Assert.Equal((address, host, guest, protocol), (port.HostAddress, port.HostPort, port.GuestPort, port.Protocol));
    }

    [Theory]
    [InlineData("80")]
    [InlineData("a:b")]
    [InlineData(":80:80")]
    [InlineData("80:80/sctp")]
    [InlineData("[::1]:80:80")]
    public void What_is_no_port_is_a_usage_error(string text) =>
        Assert.Equal(ExitCodes.Usage, Assert.Throws<CliException>(() => PublishSyntax.Parse("--publish", text)).ExitCode);

    [Theory]
    [InlineData("a,format=raw,format=qcow2", "format is given twice")]
    [InlineData("a,ro,readonly", "ro is given twice")]
    public void An_option_of_a_disk_is_given_once(string text, string problem) =>
        Assert.Contains(problem, Assert.Throws<CliException>(() => DeviceSyntax.Disk("--disk", text, path => path)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_whose_name_ends_like_an_option_is_not_ignored()
    {
        var directory = Directory.CreateTempSubdirectory("vmctl-");
        var file = Path.Combine(directory.FullName, "disk.img,ro");
        File.WriteAllText(file, "");

        var error = Assert.Throws<CliException>(() => DeviceSyntax.Disk("--disk", "disk.img,ro", path => Path.Combine(directory.FullName, path)));

        Assert.Contains($"rename the file {file}", error.Message, StringComparison.Ordinal);
        directory.Delete(recursive: true);
    }

    [Fact]
    public void A_size_of_thousands_of_digits_is_not_repeated() =>
        Assert.InRange(Assert.Throws<CliException>(() => SizeSyntax.Parse("--memory", new string('9', 4000))).Message.Length, 20, 200);

    [Theory]
    [InlineData("/usr/bin/qemu", "/usr/bin/qemu")]
    [InlineData("", "''")]
    [InlineData("a b", "'a b'")]
    [InlineData("it's $HOME", "'it'\\''s $HOME'")]
    public void A_shell_reads_back_what_was_quoted(string word, string quoted) => Assert.Equal(quoted, ShellQuote.Quote(word));

    [Fact]
    public void A_table_has_aligned_columns_and_no_trailing_blanks() =>
        Assert.Equal(["NAME   STATE", "redis  running", "x?[2J  -"], Table.Lines(["NAME", "STATE"], [["redis", "running"], ["x\u001b[2J", "-"]]));

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
