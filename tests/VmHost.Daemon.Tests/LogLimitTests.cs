using Microsoft.Extensions.Time.Testing;
using VmHost.Daemon.Hosting;

namespace VmHost.Daemon.Tests;

public sealed class LogLimitTests
{
    [Fact]
    public void One_message_an_interval_is_logged_with_the_number_of_those_that_were_not()
    {
        var time = new FakeTimeProvider();
        var limit = new LogLimit(TimeSpan.FromSeconds(1), time);

        Assert.True(limit.TryTake(out var omitted));
        Assert.Equal(0, omitted);
        Assert.False(limit.TryTake(out _));
        time.Advance(TimeSpan.FromSeconds(0.9));
        Assert.False(limit.TryTake(out _));
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.True(limit.TryTake(out omitted));
        Assert.Equal(2, omitted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(limit.TryTake(out omitted));
        Assert.Equal(0, omitted);
    }
}
