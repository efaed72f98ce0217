using Microsoft.Extensions.Time.Testing;

namespace VmHost.Cli.Tests;

/// <summary>Ctrl-C and SIGTERM, once, twice at once as GNU timeout sends them, and twice with time between.</summary>
public sealed class InterruptsTests : IDisposable
{
    private static readonly TimeSpan JustBefore = RepeatedSignals.Window - TimeSpan.FromTicks(1);

    private readonly FakeTimeProvider _time = new();
    private readonly Interrupts _interrupts;
    private readonly List<string> _taken = [];

    public InterruptsTests() => _interrupts = new(_time);

    [Fact]
    public void A_repetition_of_the_first_signal_ends_no_command()
    {
        Assert.True(_interrupts.Handle());
        Assert.True(_interrupts.Token.IsCancellationRequested);
        Assert.True(_interrupts.Handle());
        _time.Advance(JustBefore);
        Assert.True(_interrupts.Handle());
    }

    [Fact]
    public void A_second_signal_after_a_second_ends_a_stuck_command()
    {
        Assert.True(_interrupts.Handle());
        _time.Advance(RepeatedSignals.Window);
        Assert.False(_interrupts.Handle());
    }

    [Fact]
    public void A_command_that_takes_over_gets_each_signal_once()
    {
        _interrupts.TakeOver(Take(3));

        for (var signal = 0; signal < 4; signal++)
        {
            // The last one is not taken; its repetition is ignored as any.
            Assert.Equal(signal < 3, _interrupts.Handle());
            Assert.True(_interrupts.Handle());
            _time.Advance(JustBefore);
            Assert.True(_interrupts.Handle());
            _time.Advance(TimeSpan.FromTicks(1));
        }

        Assert.Equal(["taken", "taken", "taken", "left"], _taken);
        Assert.False(_interrupts.Token.IsCancellationRequested);
    }

    [Fact]
    public void A_repetition_does_not_lengthen_the_second()
    {
        _interrupts.TakeOver(Take(9));
        for (var step = 0; step < 10; step++)
        {
            _interrupts.Handle();
            _time.Advance(RepeatedSignals.Window * 0.4);
        }

        // At 0, 1.2, 2.4 and 3.6 s.
        Assert.Equal(4, _taken.Count);
    }

    [Fact]
    public void A_signal_that_came_right_before_a_command_took_over_is_not_lost()
    {
        _interrupts.Handle();
        _interrupts.TakeOver(Take(9));
        _interrupts.Handle();

        Assert.Equal(["taken"], _taken);
    }

    public void Dispose() => _interrupts.Dispose();

    private Func<bool> Take(int times) => () =>
    {
        _taken.Add(_taken.Count < times ? "taken" : "left");
        return _taken.Count <= times;
    };
}
