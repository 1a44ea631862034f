using System.Diagnostics;
using Cloister.Conformance.Harness;

namespace Cloister.Storm;

/// <summary>Kills one process or several, pauses, starts them again, and so on.</summary>
/// <param name="cluster">The processes.</param>
/// <param name="random">Who is killed, and the pauses.</param>
/// <param name="progress">Grows while all writers get on.</param>
/// <param name="say">For people.</param>
internal sealed class Killer(StormCluster cluster, Random random, Func<int> progress, Action<string> say)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(4);

    private readonly Dictionary<string, int> _kills = [];
    private int _together;

    internal string Summary =>
        $"killed: {string.Join(", ", _kills.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{one.Key} {one.Value}"))}; {_together} times several at once";

    internal async Task RunAsync(TimeSpan length, CancellationToken stop)
    {
        Stopwatch clock = Stopwatch.StartNew();
        await WritesGoOnAsync(stop);
        while (clock.Elapsed < length)
        {
            Victim[] victims = Choose();
            int calm = random.Next(200, 3000);
            int[] pauses = [.. victims.Select(_ => random.Next(3000))];
            bool recovers = random.Next(3) > 0; // otherwise the next may come before all are back in service
            await Task.Delay(calm, stop);
            say($"{clock.Elapsed.TotalSeconds:F1} s: {string.Join(", ", victims.Zip(pauses, (victim, pause) => $"{victim.Name} for {pause} ms"))}");
            await Task.WhenAll(victims.Select(victim => victim.KillAsync()));
            await Task.WhenAll(victims.Zip(pauses, (victim, pause) => StartAgainAsync(victim, pause, stop)));
            foreach (Victim victim in victims)
            {
                _kills[victim.Name] = _kills.GetValueOrDefault(victim.Name) + 1;
            }

            _together += victims.Length > 1 ? 1 : 0;
            if (recovers)
            {
                await WritesGoOnAsync(stop);
            }
        }

        await WritesGoOnAsync(stop);
    }

    private static async Task StartAgainAsync(Victim victim, int pause, CancellationToken stop)
    {
        await Task.Delay(pause, stop);
        await victim.StartAsync();
    }

    // One of seven: each alone, each pair, all three.
    private Victim[] Choose()
    {
        int chosen = random.Next(1, 8);
        return [.. cluster.Victims.Where((_, index) => (chosen & (1 << index)) != 0)];
    }

    private async Task WritesGoOnAsync(CancellationToken stop)
    {
        int before = progress();
        await Eventually.HoldsAsync(
            "writes go on",
            Timeout,
            () =>
            {
                Assert.False(cluster.GatewayEnded, cluster.Tail());
                return Task.FromResult(progress() >= before + 3);
            },
            stop,
            cluster.Tail);
    }
}
