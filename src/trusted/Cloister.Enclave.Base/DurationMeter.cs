using System.Diagnostics;
using System.Numerics;

namespace Cloister.Enclave.Base;

/// <summary>A histogram of how long something took; each bound is twice the one before. Thread-safe. secrets: none.</summary>
public sealed class DurationMeter
{
    // 64 us, of which the power is 6, to 4.2 s; the last bucket has what took longer.
    private const int FirstPower = 6;
    private readonly long[] _counts = new long[18];
    private long _sum;

    /// <summary>What they took together, microseconds.</summary>
    public long Sum => Volatile.Read(ref _sum);

    /// <summary>How many took less than a bound (microseconds, or <c>inf</c>) and not less than the one before.</summary>
    public IEnumerable<(string Name, long Value)> Counts =>
        _counts.Select((count, i) => (i + 1 == _counts.Length ? "inf" : $"{1L << (i + FirstPower)}", Volatile.Read(ref _counts[i])));

    /// <summary>Counts one that began at that timestamp and ends now.</summary>
    internal void Record(long began)
    {
        long microseconds = (long)Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        int bucket = Math.Clamp(BitOperations.Log2((ulong)microseconds) + 1 - FirstPower, 0, _counts.Length - 1);
        Interlocked.Increment(ref _counts[bucket]);
        Interlocked.Add(ref _sum, microseconds);
    }
}
