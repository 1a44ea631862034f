namespace Cloister.Broker.Administration.Tests;

/// <summary>A clock that stands still until it is told.</summary>
internal sealed class SettableTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private TimeSpan _passed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => _passed.Ticks;

    internal void Advance(TimeSpan by) => (_now, _passed) = (_now + by, _passed + by);

    /// <summary>The clock is set; no time passes.</summary>
    internal void Jump(TimeSpan by) => _now += by;
}
