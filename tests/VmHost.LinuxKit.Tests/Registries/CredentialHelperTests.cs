using CliWrap;
using CliWrap.Buffered;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Registries;
using VmHost.TestKit;
using Credentials = VmHost.LinuxKit.Registries.Credentials;

namespace VmHost.LinuxKit.Tests.Registries;

/// <summary>Which program a credential helper is: from PATH, and from nowhere else (CWE-426).</summary>
public sealed class CredentialHelperTests : IDisposable
{
    private const string Answer = "#!/bin/sh\necho '{\"Username\":\"me\",\"Secret\":\"s\"}'\n";

    private readonly TestImages _images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
    private readonly string _name = $"vhtest-{Guid.NewGuid():N}";

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData(":.:..")]
    [InlineData("here:./here")]
    public async Task A_helper_in_the_current_directory_or_next_to_vmctl_is_never_run(string path)
    {
        using var registry = new TestRegistry(_images.Layout);
        registry.Want("me", "s");
        var here = Directory.CreateDirectory(_images.Combine("here")).FullName;
        Directory.CreateDirectory(Path.Combine(here, "here"));
        string[] planted = [Path.Combine(here, Program), Path.Combine(here, "here", Program), _images.Combine(Program), Path.Combine(Path.GetDirectoryName(Repository.Cli)!, Program)];
        var marker = _images.Combine("was-run");
        foreach (var file in planted)
            Write(file, $"#!/bin/sh\necho \"$0\" >>'{marker}'\necho '{{\"Username\":\"me\",\"Secret\":\"s\"}}'\n");
        try
        {
            await File.WriteAllTextAsync(_images.Combine("config.json"), $$"""{"credsStore":"{{_name}}"}""", TestContext.Current.CancellationToken);

            var pulled = await Cli.Wrap(Repository.Cli).WithArguments(["image", "pull", "--mirror", registry.Mirror, "t/a:1"]).WithWorkingDirectory(here)
                .WithEnvironmentVariables(variables => variables.Set("PATH", path).Set("DOCKER_CONFIG", _images.Combine(".")).Set("XDG_CACHE_HOME", _images.Combine("cache")))
                .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync(TestContext.Current.CancellationToken);

            Assert.False(File.Exists(marker), pulled.StandardError);
            Assert.Equal((1, $"vmctl: {_images.Combine("./config.json")}: the credential helper {Program} was not found in PATH; install it, or remove it from the file\n"), (pulled.ExitCode, WithoutProgress(pulled.StandardError)));
            Assert.DoesNotContain(registry.Requests, request => request.Contains("Basic", StringComparison.Ordinal));
        }
        finally
        {
            foreach (var file in planted)
                File.Delete(file);
        }
    }

    [Fact]
    public void The_first_program_that_can_be_executed_counts()
    {
        foreach (var directory in (string[])["data", "directory", "first", "second"])
            Directory.CreateDirectory(_images.Combine(directory));
        File.WriteAllText(_images.Combine($"data/{Program}"), Answer);
        Directory.CreateDirectory(_images.Combine($"directory/{Program}"));
        Write(_images.Combine($"first/{Program}"), Answer);
        Write(_images.Combine($"second/{Program}"), Answer);
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, _images.Combine("second"));

        Assert.Equal(
            _images.Combine($"first/{Program}"),
            CredentialHelper.Find(_name, $":{relative}:{_images.Combine("missing")}:{_images.Combine("data")}:{_images.Combine("directory")}:{_images.Combine("first")}:{_images.Combine("second")}", "f"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("::")]
    [InlineData("/nowhere")]
    public void A_helper_that_is_missing_is_reported(string? path) =>
        Assert.Equal($"f: the credential helper {Program} was not found in PATH; install it, or remove it from the file", Assert.Throws<LinuxKitException>(() => CredentialHelper.Find(_name, path, "f")).Message);

    [Theory]
    [InlineData("../x")]
    [InlineData("/x")]
    [InlineData("x/")]
    [InlineData("a/../../x")]
    [InlineData("a\\\\x")]
    [InlineData("x\\u0000")]
    public async Task A_name_that_is_a_path_is_refused(string name)
    {
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$"""{"credHelpers":{"docker.io":"{{{name}}}"}}""", TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => FindAsync(file));

        Assert.StartsWith($"{file}: the credential helper '", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("' is not a valid name: it must not contain a path separator; write NAME for the program docker-credential-NAME in PATH", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"credsStore":"","auths":{"docker.io":{"username":"me","password":"s"}}}""")]
    [InlineData("""{"credsStore":"none-such","credHelpers":{"docker.io":""},"auths":{"docker.io":{"username":"me","password":"s"}}}""")]
    public async Task An_empty_name_switches_the_helper_off(string config)
    {
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, config, TestContext.Current.CancellationToken);

        Assert.Equal(new Login(LoginKind.Password, "me", "s"), await FindAsync(file));
    }

    public void Dispose() => _images.Dispose();

    private string Program => $"docker-credential-{_name}";

    private static Task<Login?> FindAsync(string file) => new Credentials(file).FindAsync(ImageReference.Parse("t/a:1"), TestContext.Current.CancellationToken);

    private static string WithoutProgress(string text) => string.Concat(text.Split('\n').Where(line => line.StartsWith("vmctl:", StringComparison.Ordinal)).Select(line => line + '\n'));

    private static void Write(string file, string script) => ExecutableFile.Write(file, script);
}
