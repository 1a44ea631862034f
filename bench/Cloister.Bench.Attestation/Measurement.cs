using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Attestation;

/// <summary>
/// A verification, and the signatures in it alone, one after the other in turns. Each is timed by itself and the median is taken, which is not moved by the
/// few during which something else ran.
/// </summary>
internal static class Measurement
{
    private const int LeastTurns = 20;

    internal static JsonObject Run(Action verify, IReadOnlyList<SignedItem> signatures, int milliseconds)
    {
        BareVerification bare = new(signatures);
        Action[] turns = [verify, bare.WithReadyKeys];
        Turns(turns, milliseconds / 4);
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        const int Some = 16;
        for (int i = 0; i < Some; i++)
        {
            verify();
        }

        allocated = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / Some;
        List<double>[] times = Turns(turns, milliseconds);
        return new JsonObject
        {
            ["us"] = Spread.Median(times[0]),
            ["cpuUs"] = CpuTime(verify, milliseconds),
            ["bytes"] = allocated,
            ["signatures"] = signatures.Count,
            ["bareUs"] = Spread.Median(times[1]),
            ["bareWithImportUs"] = Spread.Median(Turns([bare.WithImport], milliseconds / 2)[0]),
        };
    }

    private static List<double>[] Turns(Action[] turns, int milliseconds)
    {
        List<double>[] times = [.. turns.Select(_ => new List<double>())];
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds * turns.Length || times[0].Count < LeastTurns;)
        {
            for (int i = 0; i < turns.Length; i++)
            {
                long one = Stopwatch.GetTimestamp();
                turns[i]();
                times[i].Add(Stopwatch.GetElapsedTime(one).TotalMicroseconds);
            }
        }

        return times;
    }

    /// <summary>Of the whole process, garbage collection included.</summary>
    private static double CpuTime(Action verify, int milliseconds)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        int count = 0;
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds || count < LeastTurns; count++)
        {
            verify();
        }

        return (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / count;
    }
}
