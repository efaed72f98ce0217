using System.Text;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Registries;

namespace VmHost.LinuxKit.Tests.Registries;

/// <summary>What a registry wants to see before it gives anything, and who must not see it.</summary>
public sealed class LoginTests : IDisposable
{
    private readonly TestImages _images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"), new TestLayer().File("b"));
    private readonly TestRegistry _registry;

    public LoginTests() => _registry = new(_images.Layout);

    [Fact]
    public async Task A_token_is_fetched_and_never_goes_elsewhere()
    {
        using var elsewhere = new TestRegistry(_images.Layout);
        _registry.Instead = context =>
        {
            var path = context.Request.Url!.AbsolutePath;
            if (path == "/token")
            {
                TestRegistry.Send(context, "{\"token\":\"T0KEN\"}"u8.ToArray());
                return true;
            }

            if (context.Request.Headers["Authorization"] != "Bearer T0KEN")
            {
                TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"http://127.0.0.1:{_registry.Port}/token\",service=\"s\",scope=\"repository:t/a:pull\"");
                return true;
            }

            if (!path.Contains("/blobs/", StringComparison.Ordinal))
                return false;

            TestRegistry.Refuse(context, 307, "Location", $"http://127.0.0.1:{elsewhere.Port}{path}");
            return true;
        };

        Assert.NotNull(await PullAsync());
        Assert.Contains(_registry.Requests, request => request.StartsWith("GET /token", StringComparison.Ordinal));
        Assert.Equal(3, elsewhere.Requests.Count);
        Assert.DoesNotContain(elsewhere.Requests, request => request.Contains("T0KEN", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(200, "POST grant_type=refresh_token&refresh_token=mine&service=s&scope=repository%3At%2Fa%3Apull")]
    [InlineData(404, "GET ")]
    public async Task An_identity_token_is_traded_for_one_of_the_registry(int answer, string last)
    {
        var asked = "";
        _registry.Instead = context =>
        {
            if (context.Request.Url!.AbsolutePath == "/token")
            {
                asked = $"{context.Request.HttpMethod} {new StreamReader(context.Request.InputStream).ReadToEnd()}";
                if (context.Request.HttpMethod == "POST" && answer != 200)
                    TestRegistry.Refuse(context, answer);
                else
                    TestRegistry.Send(context, "{\"access_token\":\"T\"}"u8.ToArray());
                return true;
            }

            if (context.Request.Headers["Authorization"] == "Bearer T")
                return false;

            TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"http://127.0.0.1:{_registry.Port}/token\",service=\"s\"");
            return true;
        };
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$$"""{"auths":{"127.0.0.1:{{{{_registry.Port}}}}":{"identitytoken":"mine"}}}""", TestContext.Current.CancellationToken);

        Assert.NotNull(await PullAsync(new Credentials(file)));
        Assert.StartsWith(last, asked, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://example.com/token", "no password is sent that way")]
    [InlineData("HERE/page", "answered something else (is there a login page in between?)")]
    [InlineData("HERE/nothing", "which the registry sends to for a token, answered 404 NotFound")]
    public async Task A_token_server_that_is_none_is_told(string realm, string fault)
    {
        _registry.Instead = context =>
        {
            switch (context.Request.Url!.AbsolutePath)
            {
                case "/page":
                    TestRegistry.Send(context, "<html>"u8.ToArray());
                    break;
                case "/nothing":
                    TestRegistry.Refuse(context, 404);
                    break;
                default:
                    TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"{realm.Replace("HERE", $"http://127.0.0.1:{_registry.Port}", StringComparison.Ordinal)}\",service=\"s\"");
                    break;
            }

            return true;
        };

        Assert.Contains(fault, (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_is_taken_from_where_docker_keeps_it()
    {
        _registry.Want("me", "secret");
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$$"""{"auths":{"127.0.0.1:{{{{_registry.Port}}}}":{"auth":"{{{{Base64("me:secret")}}}}"}}}""", TestContext.Current.CancellationToken);

        Assert.NotNull(await PullAsync(new Credentials(file)));
        Assert.Contains("UNAUTHORIZED: authentication required", (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(store: _images.Combine("other")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_does_not_get_the_login_of_the_registry_that_it_mirrors()
    {
        _registry.Instead = context =>
        {
            TestRegistry.Refuse(context, 401, "WWW-Authenticate", "Basic realm=\"r\"");
            return true;
        };
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$$"""{"auths":{"https://index.docker.io/v1/":{"auth":"{{{{Base64("me:secret")}}}}"},"docker.io":{"auth":"{{{{Base64("me:secret")}}}}"}}}""", TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(new Credentials(file)));
        Assert.All(_registry.Requests, request => Assert.DoesNotContain("Basic", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_credential_helper_is_asked()
    {
        var helper = _images.Combine("docker-credential-vhtest");
        await File.WriteAllTextAsync(helper, "#!/bin/sh\nread -r key\n[ \"$1 $key\" = \"get https://index.docker.io/v1/\" ] && echo '{\"Username\":\"me\",\"Secret\":\"s\"}'\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(helper, (UnixFileMode)0b111_101_101);
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, """{"credsStore":"vhtest"}""", TestContext.Current.CancellationToken);
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            Environment.SetEnvironmentVariable("PATH", $"{_images.Combine(".")}:{path}");
            Assert.Equal(new Login(LoginKind.Password, "me", "s"), await new Credentials(file).FindAsync(ImageReference.Parse("t/a:1"), CancellationToken.None));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Fact]
    public void A_login_never_shows_its_secret() => Assert.DoesNotContain("s3cret", $"{new Login(LoginKind.Password, "me", "s3cret")}", StringComparison.Ordinal);

    [Fact]
    public async Task A_login_goes_on_to_the_same_server()
    {
        _registry.Instead = context =>
        {
            if (context.Request.Headers["Authorization"] != $"Basic {Base64("me:secret")}")
                TestRegistry.Refuse(context, 401, "WWW-Authenticate", "Basic realm=\"r\"");
            else if (context.Request.Url!.AbsolutePath.StartsWith("/v2/", StringComparison.Ordinal) && context.Request.Url.AbsolutePath.Contains("/blobs/", StringComparison.Ordinal))
                TestRegistry.Refuse(context, 307, "Location", context.Request.Url.AbsolutePath.Replace("/v2/", "/moved/", StringComparison.Ordinal));
            else
                return false;
            return true;
        };

        Assert.NotNull(await PullAsync(await LoginAsync($$"""{"auth":"{{Base64("me:secret")}}"}""")));
        Assert.Equal(3, _registry.Requests.Count(request => request.StartsWith("GET /moved/", StringComparison.Ordinal)));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_token_server_that_falls_silent_in_its_answer_is_given_up()
    {
        _registry.Instead = context =>
        {
            if (context.Request.Url!.AbsolutePath != "/token")
            {
                TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"{_registry.Address}/token\",service=\"s\"");
                return true;
            }

            context.Response.ContentLength64 = 100;
            context.Response.OutputStream.Write("{\"tok"u8);
            context.Response.OutputStream.Flush();
            return true;
        };

        Assert.Contains("not a byte came in 60 s", (await Assert.ThrowsAsync<LinuxKitException>(() => _registry.PullAsync(_images.StoreDirectory, time: new HastyTime(), ct: TestContext.Current.CancellationToken))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_of_the_registry_is_shown_as_it_is()
    {
        _registry.Instead = context =>
        {
            if (context.Request.Headers["Authorization"] == "Bearer mine")
                return false;

            TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"{_registry.Address}/token\",service=\"s\"");
            return true;
        };

        Assert.NotNull(await PullAsync(await LoginAsync("""{"registrytoken":"mine"}""")));
        Assert.DoesNotContain(_registry.Requests, request => request.Contains("/token", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "?service=s&scope=repository%3At%2Fa%3Apull")]
    [InlineData(",scope=\"repository:other/a:pull,push extra:b\"", "?service=s&scope=repository%3Aother%2Fa%3Apull%2Cpush&scope=extra%3Ab")]
    public async Task A_token_is_for_what_the_registry_asks(string scope, string query)
    {
        var asked = "";
        _registry.Instead = context =>
        {
            if (context.Request.Url!.AbsolutePath == "/token")
            {
                asked = context.Request.Url.Query;
                TestRegistry.Send(context, "{\"token\":\"T\"}"u8.ToArray());
                return true;
            }

            if (context.Request.Headers["Authorization"] == "Bearer T")
                return false;

            TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"{_registry.Address}/token\",service=\"s\"{scope}");
            return true;
        };

        await PullAsync();

        Assert.Equal(query, asked);
    }

    [Fact]
    public async Task An_identity_token_is_not_sent_on()
    {
        using var elsewhere = new TestRegistry(_images.Layout);
        _registry.Instead = context =>
        {
            if (context.Request.Url!.AbsolutePath == "/token")
                TestRegistry.Refuse(context, 307, "Location", $"{elsewhere.Address}/token");
            else
                TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"{_registry.Address}/token\",service=\"s\"");
            return true;
        };

        var credentials = await LoginAsync("""{"identitytoken":"mine"}""");
        Assert.Contains("where no login is sent", (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(credentials))).Message, StringComparison.Ordinal);
        Assert.Empty(elsewhere.Requests);
    }

    public void Dispose()
    {
        _registry.Dispose();
        _images.Dispose();
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    // As docker login leaves it.
    private async Task<Credentials> LoginAsync(string entry)
    {
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$"""{"auths":{"127.0.0.1:{{{_registry.Port}}}":{{{entry}}}}}""", TestContext.Current.CancellationToken);
        return new(file);
    }

    private Task<Image> PullAsync(Credentials? credentials = null, string? store = null) =>
        _registry.PullAsync(store ?? _images.StoreDirectory, credentials: credentials, ct: TestContext.Current.CancellationToken);

    /// <summary>A clock whose timers go off two hundred times sooner than they are set.</summary>
    private sealed class HastyTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / 200 : dueTime, period);
    }
}
