using System.Diagnostics;

namespace Cloister.Cli.Probe;

/// <summary>Latencies of repeated calls.</summary>
internal sealed class Latencies
{
    private readonly List<double> _microseconds = [];

    /// <summary>How many were measured.</summary>
    internal int Count => _microseconds.Count;

    /// <summary>Times one call.</summary>
    internal async Task<T> MeasureAsync<T>(Func<Task<T>> call)
    {
        long start = Stopwatch.GetTimestamp();
        T result = await call();
        _microseconds.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        return result;
    }

    /// <summary>The latency that this share of the calls did not exceed, in microseconds.</summary>
    internal double Percentile(double share)
    {
        double[] sorted = [.. _microseconds.Order()];
        return sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
    }
}
