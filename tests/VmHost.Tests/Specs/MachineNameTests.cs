using CsCheck;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class MachineNameTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("0")]
    [InlineData("redis")]
    [InlineData("linux-redis-2")]
    [InlineData("a--b")]
    [InlineData("abcdef12345")]
    [InlineData("abcdef1234567")]
    [InlineData("abcdefg12345")]
    public void A_valid_name_has_no_fault(string name) => Assert.Null(MachineName.FaultOf(name));

    [Fact]
    public void Sixty_three_characters_are_the_most()
    {
        Assert.Null(MachineName.FaultOf(new string('a', 63)));
        Assert.Contains("is 64 characters long", MachineName.FaultOf(new string('a', 64)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("/etc")]
    [InlineData("a\0b")]
    [InlineData("-rf")]
    [InlineData("--help")]
    [InlineData("a-")]
    [InlineData("@file")]
    [InlineData("a,b=c")]
    [InlineData("a;reboot")]
    [InlineData("$(id)")]
    [InlineData("`id`")]
    [InlineData("%n%s")]
    [InlineData("Redis")]
    [InlineData("redis\n")]
    [InlineData(" redis")]
    [InlineData("\u001b]0;pwn\u0007")]
    [InlineData("\u001b[2J")]
    [InlineData("\u009b2J")]
    [InlineData("a\u202eb")]
    [InlineData("a\u200bb")]
    [InlineData("r\u0435dis")]
    [InlineData("caf\u00e9")]
    [InlineData("cafe\u0301")]
    public void A_hostile_name_is_refused_in_visible_ascii(string name)
    {
        var fault = MachineName.FaultOf(name);

        Assert.NotNull(fault);
        Assert.All(fault, letter => Assert.InRange(letter, ' ', '~'));
    }

    [Theory]
    [InlineData(255)]
    [InlineData(300)]
    [InlineData(1_000_000)]
    public void A_long_name_is_not_repeated_whole(int length)
    {
        var fault = MachineName.FaultOf(new string('a', length));

        Assert.NotNull(fault);
        Assert.InRange(fault.Length, 1, 250);
    }

    [Fact]
    public void What_reads_like_an_id_is_refused() =>
        Assert.Contains("read as a machine's id", MachineName.FaultOf("0123456789ab"), StringComparison.Ordinal);

    [Theory]
    [InlineData("linux-redis", "linux-redis")]
    [InlineData("Linux Redis_v2", "linux-redis-v2")]
    [InlineData("vmlinuz-6.1.0-44", "vmlinuz-6-1-0-44")]
    [InlineData("--x--", "x")]
    [InlineData("my image (1)", "my-image-1")]
    [InlineData("", "machine")]
    [InlineData("...", "machine")]
    [InlineData("日本語", "machine")]
    [InlineData("0123456789ab", "machine-0123456789ab")]
    [InlineData("0123456789AB", "machine-0123456789ab")]
    public void A_base_name_is_made_valid(string baseName, string expected) =>
        Assert.Equal(expected, MachineName.FromBaseName(baseName));

    [Fact]
    public void Any_base_name_gives_a_valid_name_with_room_for_a_number() =>
        Gen.String.Sample(baseName =>
        {
            var name = MachineName.FromBaseName(baseName);
            return MachineName.FaultOf(name) is null && MachineName.FaultOf(name + "-99") is null;
        });
}
