namespace Cloister.Enclave.Base;

/// <summary>Lets one log line a second through and counts the rest, so that a flood of bad callers does not flood the log. Thread-safe. secrets: none.</summary>
internal sealed class LogRateLimiter
{
    private const long IntervalMilliseconds = 1000;

    private long _passedAt = -IntervalMilliseconds;
    private long _suppressed;

    /// <summary>True when a line may be written now.</summary>
    /// <param name="suppressed">How many were not since the last one.</param>
    internal bool TryAcquire(out long suppressed)
    {
        suppressed = 0;
        long now = Environment.TickCount64;
        long last = Volatile.Read(ref _passedAt);
        if (now - last < IntervalMilliseconds || Interlocked.CompareExchange(ref _passedAt, now, last) != last)
        {
            Interlocked.Increment(ref _suppressed);
            return false;
        }

        suppressed = Interlocked.Exchange(ref _suppressed, 0);
        return true;
    }
}
