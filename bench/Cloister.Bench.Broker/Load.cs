using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Broker;

/// <summary>Two ways of loading: as fast as so many callers go, and at a fixed rate whatever the answers take. Any failure ends the measurement.</summary>
internal static class Load
{
    /// <summary>Callers that each ask again when they have the answer.</summary>
    /// <returns>Operations a second, and the CPU time that the broker took for one, in us.</returns>
    internal static async Task<JsonObject> ClosedAsync(BrokerUnderLoad broker, int callers, TimeSpan length, Func<int, Task> operation)
    {
        await RunAsync(callers, length / 4, operation); // warms up
        TimeSpan before = broker.Cpu;
        long start = Stopwatch.GetTimestamp();
        long done = await RunAsync(callers, length, operation);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new JsonObject { ["perSecond"] = Math.Round(done / seconds, 1), ["brokerCpuUs"] = Math.Round((broker.Cpu - before).TotalMicroseconds / done, 1) };
    }

    /// <summary>Operations that begin when it is their time, and whose latency counts from then.</summary>
    /// <returns>Percentiles in ms.</returns>
    internal static async Task<JsonObject> FixedRateAsync(int perSecond, TimeSpan length, Func<int, Task> operation)
    {
        int count = (int)(perSecond * length.TotalSeconds);
        ConcurrentBag<double> latencies = [];
        long start = Stopwatch.GetTimestamp();
        List<Task> running = new(count);
        for (int i = 0; i < count; i++)
        {
            TimeSpan due = TimeSpan.FromSeconds((double)i / perSecond);
            TimeSpan wait = due - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait);
            }

            running.Add(OneAsync(i, due));
        }

        await Task.WhenAll(running);
        double[] sorted = [.. latencies.Order()];
        return new JsonObject
        {
            ["offeredPerSecond"] = perSecond, ["operations"] = count, ["p50Ms"] = At(sorted, 0.5), ["p99Ms"] = At(sorted, 0.99),
        };

        async Task OneAsync(int index, TimeSpan due)
        {
            await operation(index);
            latencies.Add((Stopwatch.GetElapsedTime(start) - due).TotalMilliseconds);
        }
    }

    private static double At(double[] sorted, double part) => Math.Round(sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * part)], 2);

    private static async Task<long> RunAsync(int callers, TimeSpan length, Func<int, Task> operation)
    {
        long done = 0;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            while (Stopwatch.GetElapsedTime(start) < length)
            {
                await operation(caller);
                Interlocked.Increment(ref done);
            }
        })));
        return done;
    }
}
