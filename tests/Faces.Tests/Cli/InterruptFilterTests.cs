using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

public sealed class InterruptFilterTests
{
    [Fact]
    public void A_request_to_stop_that_is_sent_twice_is_one()
    {
        var clock = new Clock();
        using var stop = new CancellationTokenSource();
        var filter = new InterruptFilter(stop, clock);
        Assert.False(stop.IsCancellationRequested);

        Assert.True(filter.Take());
        Assert.True(stop.IsCancellationRequested);
        clock.Now += TimeSpan.FromMilliseconds(499);
        Assert.True(filter.Take());
    }

    [Fact]
    public void A_later_one_is_left_to_the_system()
    {
        var clock = new Clock();
        using var stop = new CancellationTokenSource();
        var filter = new InterruptFilter(stop, clock);

        Assert.True(filter.Take());
        clock.Now += TimeSpan.FromMilliseconds(500);
        Assert.False(filter.Take());
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; } = TimeSpan.FromHours(1);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
