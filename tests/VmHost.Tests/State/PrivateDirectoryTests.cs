using System.Diagnostics;
using System.Globalization;
using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;
using VmHost.TestKit;

namespace VmHost.Tests.State;

public sealed class PrivateDirectoryTests : IDisposable
{
    private const uint Nobody = 65534;
    private const string Advice = "choose a directory of your own for --state-dir";

    private readonly TemporaryDirectory _directory = new();

    private string Target => _directory.Combine("target");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("700")]
    [InlineData("755")]
    [InlineData("2755")]
    [InlineData("1700")]
    public void A_directory_that_only_its_owner_may_write_is_accepted(string mode)
    {
        Make(Target, mode);

        PrivateDirectory.Ensure(Target, "--state-dir");
    }

    [Theory]
    [InlineData("777")]
    [InlineData("1777")]
    [InlineData("1775")]
    [InlineData("702")]
    [InlineData("2775")]
    public void A_shared_directory_is_refused_and_not_to_be_changed(string mode)
    {
        Make(Target, mode);

        var refused = Refusal(Target);

        Assert.Contains(Advice, refused, StringComparison.Ordinal);
        Assert.DoesNotContain("chmod", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void The_systems_temporary_directory_is_refused_and_not_to_be_changed()
    {
        var refused = Refusal("/tmp");

        Assert.Contains(Advice, refused, StringComparison.Ordinal);
        Assert.DoesNotContain("chmod", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_of_ones_own_that_the_group_may_write_is_refused_with_the_remedy()
    {
        Make(Target, "770");

        Assert.Contains($"chmod g-w {Target}", Refusal(Target), StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_directory_that_others_may_write_is_refused_and_left_as_it_is()
    {
        Make(Target, "777");

        Assert.Equal(VmHostError.FailedPrecondition, Assert.Throws<VmHostException>(() => StateDirectory.Open(Target, TimeProvider.System)).Error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Target));
    }

    [Fact]
    public void A_missing_directory_is_made_private()
    {
        PrivateDirectory.Ensure(_directory.Combine("new", "deep"), "--state-dir");

        Assert.Equal(PrivateDirectory.OwnerOnly, File.GetUnixFileMode(_directory.Combine("new", "deep")));
    }

    [Fact]
    public void A_link_of_ones_own_is_followed()
    {
        Make(Target, "700");
        File.CreateSymbolicLink(_directory.Combine("link"), "target");

        PrivateDirectory.Ensure(_directory.Combine("link"), "--state-dir");
        PrivateDirectory.Ensure(_directory.Combine("link", "below"), "--state-dir");
    }

    [Theory]
    [InlineData("link")]
    [InlineData("link/below")]
    [InlineData("mine")]
    [InlineData("mine/below")]
    public void Another_users_link_is_not_followed_wherever_it_is_on_the_way(string path)
    {
        Assert.SkipUnless(User.Id == User.Root, "giving a link to another user takes root");
        Make(Target, "700");
        File.CreateSymbolicLink(_directory.Combine("link"), Target);
        GiveAway(_directory.Combine("link"));
        File.CreateSymbolicLink(_directory.Combine("mine"), "link");

        var refused = Refusal(_directory.Combine(path));

        Assert.Contains($"{_directory.Combine("link")} is a symbolic link of user {Nobody}", refused, StringComparison.Ordinal);
        Assert.Contains(Advice, refused, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Target));
    }

    [Fact]
    public void Another_users_link_to_nothing_makes_no_directory()
    {
        Assert.SkipUnless(User.Id == User.Root, "giving a link to another user takes root");
        File.CreateSymbolicLink(_directory.Combine("link"), Target);
        GiveAway(_directory.Combine("link"));

        Refusal(_directory.Combine("link", "s"));

        Assert.False(Directory.Exists(Target));
    }

    [Fact]
    public void Another_users_directory_is_refused()
    {
        Assert.SkipUnless(User.Id == User.Root, "giving a directory to another user takes root");
        Make(Target, "700");
        GiveAway(Target);

        var refused = Refusal(Target);

        Assert.Contains($"belongs to user {Nobody}", refused, StringComparison.Ordinal);
        Assert.Contains(Advice, refused, StringComparison.Ordinal);
    }

    private static string Refusal(string path) =>
        Assert.Throws<VmHostException>(() => PrivateDirectory.Ensure(path, "--state-dir")).Message;

    private static void Make(string path, string mode)
    {
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(mode, 8));
    }

    private static void GiveAway(string path)
    {
        using var chown = Process.Start("chown", ["-h", Nobody.ToString(CultureInfo.InvariantCulture), path]);
        chown.WaitForExit();
        Assert.Equal(0, chown.ExitCode);
    }
}
