using Cloister.Cli.Etcd.Rewrap;

namespace Cloister.Cli.Tests.Etcd;

public sealed class WriteRateTests
{
    [Fact]
    public async Task Writes_are_spaced_and_idle_time_is_not_made_up_for()
    {
        SteppedTime time = new();
        WriteRate rate = new(10, time);
        await rate.WaitAsync(CancellationToken.None);
        Assert.Equal([], time.Waits);
        await rate.WaitAsync(CancellationToken.None);
        await rate.WaitAsync(CancellationToken.None);
        Assert.Equal([100, 100], time.Waits);
        time.Advance(TimeSpan.FromSeconds(5));
        await rate.WaitAsync(CancellationToken.None);
        await rate.WaitAsync(CancellationToken.None);
        Assert.Equal([100, 100, 100], time.Waits);
    }

    [Fact]
    public async Task Zero_is_no_limit()
    {
        SteppedTime time = new();
        WriteRate rate = new(0, time);
        for (int i = 0; i < 100; i++)
        {
            await rate.WaitAsync(CancellationToken.None);
        }

        Assert.Empty(time.Waits);
    }

    // A clock that stands still but for waits, which end at once.
    private sealed class SteppedTime : TimeProvider
    {
        private long _now;

        internal List<int> Waits { get; } = [];

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits.Add((int)Math.Round(dueTime.TotalMilliseconds));
            Advance(dueTime);
            return TimeProvider.System.CreateTimer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }

        internal void Advance(TimeSpan by) => _now += (long)by.TotalMicroseconds;
    }
}
