using CsCheck;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class MachineNameTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("7")]
    [InlineData("redis")]
    [InlineData("linux-redis-2")]
    [InlineData("a--b")]
    [InlineData("deadbeefcaf")]
    [InlineData("deadbeefcafe1")]
    [InlineData("deadbeefcafg")]
    public void A_name_by_the_rule_has_no_fault(string name) => Assert.Null(MachineName.FaultOf(name));

    [Fact]
    public void Of_63_characters_is_a_name_and_of_64_is_none()
    {
        Assert.Null(MachineName.FaultOf(new string('a', 63)));
        Assert.Contains("64 characters long", MachineName.FaultOf(new string('a', 64)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("a/b")]
    [InlineData("/etc")]
    [InlineData("-rf")]
    [InlineData("--help")]
    [InlineData("-")]
    [InlineData("a-")]
    [InlineData("@file")]
    [InlineData("a,b=c")]
    [InlineData("a;reboot")]
    [InlineData("$(id)")]
    [InlineData("`id`")]
    [InlineData("%n%s")]
    [InlineData("Redis")]
    [InlineData("a b")]
    [InlineData("a_b")]
    [InlineData("a.b")]
    public void Anything_else_is_shown_with_the_rule(string name)
    {
        var fault = MachineName.FaultOf(name);

        Assert.StartsWith($"'{name}' is not a machine name; use 1 to 63 of a-z, 0-9 and '-'", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_name_is_told_how_to_get_one() =>
        Assert.Contains("leave the name out", MachineName.FaultOf(""), StringComparison.Ordinal);

    [Theory]
    [InlineData("deadbeefcafe")]
    [InlineData("012345678901")]
    public void What_looks_like_an_id_is_no_name(string name) =>
        Assert.Contains("12 hex digits", MachineName.FaultOf(name), StringComparison.Ordinal);

    [Theory]
    [InlineData("a\0b", @"'a\u{0}b'")]
    [InlineData("\e]0;pwn\a", @"'\u{1b}]0;pwn\u{7}'")]
    [InlineData("\u009b2J", @"'\u{9b}2J'")]
    [InlineData("a\u202eb", @"'a\u{202e}b'")]
    [InlineData("a\u200bb", @"'a\u{200b}b'")]
    [InlineData("r\u0435dis", @"'r\u{435}dis'")]
    [InlineData("re\u0301dis", @"'re\u{301}dis'")]
    [InlineData("\ud83d\ude80", @"'\u{1f680}'")]
    public void What_cannot_be_told_apart_by_eye_is_shown_as_code_points(string name, string shown) =>
        Assert.StartsWith(shown, MachineName.FaultOf(name), StringComparison.Ordinal);

    [Theory]
    [InlineData(300)]
    [InlineData(1_000_000)]
    public void A_long_name_gives_a_short_message(int length)
    {
        var fault = MachineName.FaultOf(new string('x', length));

        Assert.NotNull(fault);
        Assert.InRange(fault.Length, 1, 300);
        Assert.Contains($"is {length} characters long", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redis", "redis")]
    [InlineData("Linux Redis_v2", "linux-redis-v2")]
    [InlineData("--a..b--", "a-b")]
    [InlineData("6.1.0-44", "6-1-0-44")]
    [InlineData("", "machine")]
    [InlineData("...", "machine")]
    [InlineData("\u00e9\u00e8", "machine")]
    [InlineData("deadbeefcafe", "machine-deadbeefcafe")]
    public void A_base_name_becomes_a_name(string baseName, string name) =>
        Assert.Equal(name, MachineName.FromBaseName(baseName));

    [Fact]
    public void A_cut_base_name_does_not_end_in_a_dash() =>
        Assert.Equal(new string('a', 59), MachineName.FromBaseName(new string('a', 59) + " b"));

    [Fact]
    public void Every_base_name_gives_a_name_that_a_number_fits_behind() =>
        Gen.OneOf(Gen.String, Gen.String[Gen.Char["abcdef0189-_./ \u00e4\e\0"], 0, 80]).Sample(
            baseName =>
            {
                var name = MachineName.FromBaseName(baseName);

                Assert.Null(MachineName.FaultOf(name));
                Assert.Null(MachineName.FaultOf(name + "-99"));
            },
            iter: 2000);

    [Fact]
    public void No_message_holds_anything_but_printable_ascii() =>
        Gen.String.Sample(
            name => Assert.DoesNotContain(MachineName.FaultOf(name) ?? "", static letter => letter is < ' ' or > '~'),
            iter: 2000);
}
