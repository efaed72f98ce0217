using VmHost.Consoles;

namespace VmHost.Tests.Consoles;

public sealed class ConsoleKeyboardTests
{
    private readonly ConsoleKeyboard _keyboard = new(TimeProvider.System);

    [Fact]
    public void Whoever_likes_types_while_nobody_holds_it() => Assert.Null(_keyboard.HeldAgainst(""));

    [Fact]
    public void One_holds_it_against_all_others_until_it_is_given_back()
    {
        Assert.True(_keyboard.TryHold("ann", force: false, "1", out var hold));

        Assert.Null(_keyboard.HeldAgainst(hold.Token));
        Assert.Equal("ann", _keyboard.HeldAgainst("")!.Holder);
        Assert.False(_keyboard.TryHold("bob", force: false, "2", out var other));
        Assert.Same(hold, other);

        _keyboard.Release(hold);
        Assert.Null(_keyboard.HeldAgainst(""));
    }

    [Fact]
    public void Who_comes_back_with_their_token_finds_it_theirs_and_the_call_before_cannot_give_it_back()
    {
        Assert.True(_keyboard.TryHold("ann", force: false, "1", out var before));
        Assert.True(_keyboard.TryHold("ann", force: false, "1", out var again));

        _keyboard.Release(before);
        Assert.Same(again, _keyboard.HeldAgainst(""));
    }

    [Fact]
    public async Task Who_loses_it_is_told_to_whom_and_cannot_give_back_what_is_anothers()
    {
        Assert.True(_keyboard.TryHold("ann", force: false, "1", out var ann));
        Assert.True(_keyboard.TryHold("bob", force: true, "2", out var bob));

        Assert.Equal("bob", await ann.Lost);
        Assert.False(bob.Lost.IsCompleted);
        _keyboard.Release(ann);
        Assert.Same(bob, _keyboard.HeldAgainst(ann.Token));
    }
}
