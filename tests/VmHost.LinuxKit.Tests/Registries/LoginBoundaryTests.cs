using System.Net;
using System.Text;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Registries;

namespace VmHost.LinuxKit.Tests.Registries;

/// <summary>A registry's login stays with the registry, wherever redirects and challenges point (CVE-2020-15157).</summary>
public sealed class LoginBoundaryTests : IDisposable
{
    private const string Password = """{"auth":"bWU6c2VjcmV0"}"""; // me:secret
    private const string IdentityToken = """{"identitytoken":"s3cret"}""";
    private const string RegistryToken = """{"registrytoken":"s3cret"}""";

    private readonly TestImages _images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
    private readonly TestRegistry _registry;
    private readonly TestRegistry _other;

    // What came to the other server besides paths: authorization and bodies.
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _leaked = new();

    public LoginBoundaryTests()
    {
        _registry = new(_images.Layout);
        _other = new(_images.Layout);
    }

    public static TheoryData<string, string, string> Challenges()
    {
        var cases = new TheoryData<string, string, string>();
        foreach (var what in (string[])["/manifests/", "/blobs/"])
        {
            foreach (var login in (string[])[Password, IdentityToken, RegistryToken])
            {
                foreach (var challenge in (string[])["Basic realm=\"r\"", "Bearer realm=\"OTHER/token\",service=\"s\"", "Bearer realm=\"REGISTRY/token\",service=\"s\""])
                    cases.Add(what, login, challenge);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Challenges))]
    public async Task A_server_that_the_registry_redirects_to_gets_no_login(string what, string login, string challenge)
    {
        RedirectToOther(what);
        _other.Instead = context => Challenge(context, challenge);

        var refused = await Record.ExceptionAsync(async () => await PullAsync(await LoginAsync(login)));

        AssertNothingLeaked();
        Assert.Contains($"{_registry.Address} redirects to {_other.Address}, which requires a login", Assert.IsType<LinuxKitException>(refused).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(_registry.Requests, request => request.Contains("/token", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Basic realm=\"r\"")]
    [InlineData("Bearer realm=\"OTHER/token\",service=\"s\"")]
    public async Task A_chain_of_redirects_does_not_hide_who_asks(string challenge)
    {
        // registry, registry, other, other: the last one asks.
        RedirectToOther("/manifests/", steps: 2);
        _other.Instead = context => context.Request.Url!.Query == "?end" ? Challenge(context, challenge) : Redirect(context, $"{_other.Address}{context.Request.Url.AbsolutePath}?end");

        var refused = await Assert.ThrowsAsync<LinuxKitException>(async () => await PullAsync(await LoginAsync(Password)));

        Assert.Contains($"redirects to {_other.Address}, which requires a login", refused.Message, StringComparison.Ordinal);
        Assert.Equal(2, _other.Requests.Count);
        AssertNothingLeaked();
    }

    [Theory]
    [InlineData("Basic realm=\"r\"")]
    [InlineData("Bearer realm=\"OTHER/token\",service=\"s\"")]
    public async Task A_login_that_the_registry_got_does_not_follow_to_another_server(string challenge)
    {
        _registry.Instead = context =>
            context.Request.Headers["Authorization"] is null ? Challenge(context, "Basic realm=\"r\"")
            : context.Request.Url!.AbsolutePath.Contains("/blobs/", StringComparison.Ordinal) && Redirect(context, $"{_other.Address}{context.Request.Url.AbsolutePath}");
        _other.Instead = context => Challenge(context, challenge);

        await Assert.ThrowsAsync<LinuxKitException>(async () => await PullAsync(await LoginAsync(Password)));

        Assert.NotEmpty(_other.Requests);
        AssertNothingLeaked();
    }

    [Fact]
    public async Task A_registry_that_is_asked_without_a_mirror_keeps_its_login_too()
    {
        RedirectToOther("/blobs/");
        _other.Instead = context => Challenge(context, "Bearer realm=\"OTHER/token\",service=\"s\"");
        using var client = new RegistryClient(Mirrors.Parse([]), await LoginAsync(Password), TimeProvider.System);
        using var puller = new ImagePuller(ImageStore.Open(_images.StoreDirectory), client, new SilentProgress());

        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => puller.PullAsync(ImageReference.Parse($"127.0.0.1:{_registry.Port}/t/a:1"), "amd64", TestContext.Current.CancellationToken));

        Assert.Contains("which requires a login", refused.Message, StringComparison.Ordinal);
        AssertNothingLeaked();
    }

    [Fact]
    public async Task A_login_of_the_other_server_is_not_sent_there_either()
    {
        RedirectToOther("/manifests/");
        _other.Instead = context => Challenge(context, "Basic realm=\"r\"");
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$"""{"auths":{"127.0.0.1:{{{_other.Port}}}":{{{Password}}}}}""", TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(new(file)));

        AssertNothingLeaked();
    }

    [Fact]
    public async Task A_chain_that_comes_back_to_the_registry_is_answered()
    {
        _registry.Instead = context =>
            context.Request.Url!.Query != "?back" ? Redirect(context, $"{_other.Address}{context.Request.Url.AbsolutePath}")
            : context.Request.Headers["Authorization"] is null && Challenge(context, "Basic realm=\"r\"");
        _other.Instead = context => NoteLeaks(context) && Redirect(context, $"{_registry.Address}{context.Request.Url!.AbsolutePath}?back");

        Assert.NotNull(await PullAsync(await LoginAsync(Password)));
        AssertNothingLeaked();
    }

    [Fact]
    public async Task The_registry_itself_may_name_another_server_for_tokens_and_no_third_gets_the_login()
    {
        using var third = new TestRegistry(_images.Layout);
        var basic = new List<string?>();
        _registry.Instead = context => context.Request.Headers["Authorization"] != "Bearer T" && Challenge(context, "Bearer realm=\"OTHER/token\",service=\"s\"");
        _other.Instead = context =>
        {
            basic.Add(context.Request.Headers["Authorization"]);
            return Redirect(context, $"{third.Address}/token");
        };
        third.Instead = context =>
        {
            basic.Add(context.Request.Headers["Authorization"]);
            TestRegistry.Send(context, "{\"token\":\"T\"}"u8.ToArray());
            return true;
        };

        Assert.NotNull(await PullAsync(await LoginAsync(Password)));
        Assert.Equal(["Basic bWU6c2VjcmV0", null], basic);
    }

    [Theory]
    [InlineData("https://registry.example/", "https://auth.example/token", null)]
    [InlineData("https://registry.example/", "https://10.0.0.1/token", null)]
    [InlineData("https://registry.example/", "http://auth.example/token", "plain http")]
    [InlineData("https://registry.example/", "http://registry.example/token", "plain http")]
    [InlineData("https://registry.example/", "http://127.0.0.1/token", "plain http")]
    [InlineData("https://registry.example/", "ftp://auth.example/token", "plain http")]
    [InlineData("https://registry.example/", "https://127.0.0.1/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://127.1.2.3/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://127。0。0。1/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://2130706433/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://localhost/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://x.localhost./token", "an address of this host")]
    [InlineData("https://registry.example/", "https://0.0.0.0/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://169.254.169.254/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://[::1]/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://[::]/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://[fe80::1]/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://[::ffff:127.0.0.1]/token", "an address of this host")]
    [InlineData("https://registry.example/", "https://[::ffff:169.254.169.254]/token", "an address of this host")]
    [InlineData("https://169.254.1.1/", "https://169.254.1.1/token", null)]
    [InlineData("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", null)]
    [InlineData("http://127.0.0.1:5000/", "https://localhost/token", null)]
    [InlineData("http://127.0.0.1:5000/", "http://auth.example/token", "plain http")]
    public void A_server_may_name_these_and_no_others(string from, string to, string? objection)
    {
        var found = ServerBoundary.Objection(new(from), new(to));

        Assert.Equal(objection is null, found is null);
        Assert.Contains(objection ?? "", found ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://a.example/x", "https://A.example:443/y", true)]
    [InlineData("https://a.example/", "https://a.example:8443/", false)]
    [InlineData("https://a.example/", "http://a.example:443/", false)]
    [InlineData("https://a.example/", "https://b.a.example/", false)]
    [InlineData("http://127.0.0.1:5000/", "http://localhost:5000/", false)]
    public void A_server_is_scheme_host_and_port(string one, string other, bool same) =>
        Assert.Equal(same, ServerBoundary.IsSameServer(new(one), new(other)));

    public void Dispose()
    {
        _registry.Dispose();
        _other.Dispose();
        _images.Dispose();
    }

    private static bool Redirect(HttpListenerContext context, string location)
    {
        TestRegistry.Refuse(context, 307, "Location", location);
        return true;
    }

    private void RedirectToOther(string what, int steps = 1) => _registry.Instead = context =>
    {
        var url = context.Request.Url!;
        if (url.AbsolutePath == "/token")
        {
            TestRegistry.Send(context, "{\"token\":\"T\"}"u8.ToArray());
            return true;
        }

        if (!url.AbsolutePath.Contains(what, StringComparison.Ordinal))
            return false;

        var step = Math.Max(url.Query.Length, 1); // "" is the first, "?x" the second
        return Redirect(context, step < steps ? $"{url.AbsolutePath}?{new string('x', step)}" : $"{_other.Address}{url.AbsolutePath}");
    };

    // Gives a token to all who ask for one: who leaks a login gets on with it.
    private bool Challenge(HttpListenerContext context, string challenge)
    {
        if (context.Request.LocalEndPoint.Port == _other.Port)
            NoteLeaks(context);
        if (context.Request.Url!.AbsolutePath == "/token")
            TestRegistry.Send(context, "{\"token\":\"T\"}"u8.ToArray());
        else if (context.Request.Headers["Authorization"] is not null)
            return false;
        else
            TestRegistry.Refuse(context, 401, "WWW-Authenticate", challenge.Replace("OTHER", _other.Address, StringComparison.Ordinal).Replace("REGISTRY", _registry.Address, StringComparison.Ordinal));
        return true;
    }

    private bool NoteLeaks(HttpListenerContext context)
    {
        if (context.Request.Headers["Authorization"] is { } authorization)
            _leaked.Enqueue(authorization);
        using var body = new StreamReader(context.Request.InputStream, Encoding.UTF8);
        if (body.ReadToEnd() is { Length: > 0 } text)
            _leaked.Enqueue(text);
        if (context.Request.Url!.AbsolutePath == "/token")
            _leaked.Enqueue("a request for a token");
        return true;
    }

    private void AssertNothingLeaked() => Assert.Empty(_leaked);

    private async Task<Credentials> LoginAsync(string entry)
    {
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$"""{"auths":{"127.0.0.1:{{{_registry.Port}}}":{{{entry}}}}}""", TestContext.Current.CancellationToken);
        return new(file);
    }

    private Task<Image> PullAsync(Credentials credentials) =>
        _registry.PullAsync(_images.StoreDirectory, credentials: credentials, ct: TestContext.Current.CancellationToken);
}
