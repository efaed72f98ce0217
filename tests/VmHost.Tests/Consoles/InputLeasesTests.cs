using VmHost.Consoles;

namespace VmHost.Tests.Consoles;

public sealed class InputLeasesTests
{
    private readonly InputLeases _leases = new(TimeProvider.System);

    [Fact]
    public void There_is_none_at_first() => Assert.Null(_leases.Current.Lease);

    [Fact]
    public void One_client_has_it_until_it_is_released()
    {
        Assert.True(_leases.TryAcquire("ann", "1", force: false, out var lease));

        Assert.Same(lease, _leases.Current.Lease);
        Assert.False(_leases.TryAcquire("bob", "2", force: false, out var other));
        Assert.Same(lease, other);

        _leases.Release(lease);
        Assert.Null(_leases.Current.Lease);
    }

    [Fact]
    public void A_client_that_comes_back_gets_it_again_and_its_earlier_call_cannot_release_it()
    {
        Assert.True(_leases.TryAcquire("ann", "1", force: false, out var before));
        Assert.True(_leases.TryAcquire("ann", "1", force: false, out var again));

        _leases.Release(before);
        Assert.Same(again, _leases.Current.Lease);
        Assert.Equal(before.Session, again.Session);
    }

    [Fact]
    public void A_lease_that_is_taken_is_another_session_and_cannot_be_released_by_its_earlier_holder()
    {
        Assert.True(_leases.TryAcquire("ann", "1", force: false, out var ann));
        Assert.True(_leases.TryAcquire("bob", "2", force: true, out var bob));

        _leases.Release(ann);
        Assert.Same(bob, _leases.Current.Lease);
        Assert.NotEqual(ann.Session, bob.Session);
    }

    [Fact]
    public void Each_change_is_signalled()
    {
        var (_, first) = _leases.Current;
        Assert.True(_leases.TryAcquire("ann", "1", force: false, out var ann));
        var (_, second) = _leases.Current;
        Assert.True(first.IsCompleted);
        Assert.False(second.IsCompleted);

        _leases.Release(ann);
        Assert.True(second.IsCompleted);
        Assert.False(_leases.Current.Changed.IsCompleted);
    }
}
