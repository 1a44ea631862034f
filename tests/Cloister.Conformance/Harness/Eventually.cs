using System.Diagnostics;

namespace Cloister.Conformance.Harness;

/// <summary>Asks again until it holds.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Returns how long it took; <paramref name="what"/> and the last answer say what did not come true.</summary>
    public static async Task<TimeSpan> HoldsAsync(
        string what, TimeSpan limit, Func<Task<bool>> holds, CancellationToken cancellation, Func<string>? details = null, TimeSpan? pause = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (Stopwatch.GetElapsedTime(start) > limit)
            {
                throw new TimeoutException($"not within {limit.TotalSeconds} s: {what}\n{details?.Invoke()}");
            }

            await Task.Delay(pause ?? Pause, cancellation);
        }

        return Stopwatch.GetElapsedTime(start);
    }
}
