namespace Cloister.Broker.State.Tests;

/// <summary>A clock that stands still until it is moved.</summary>
internal sealed class TestClock : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private TimeSpan _passed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => _passed.Ticks;

    public void Advance(TimeSpan by) => (_now, _passed) = (_now + by, _passed + by);

    /// <summary>The clock is set; no time passes.</summary>
    public void Jump(TimeSpan by) => _now += by;
}
