using System.Diagnostics;
using System.Globalization;
using Cloister.Attacks.Grounds;

namespace Cloister.Attacks.Framework;

/// <summary>Runs attacks, a few at a time, and leaves no process behind.</summary>
/// <param name="say">For people, while it runs.</param>
internal sealed class Runner(Action<string> say)
{
    private const int AtATime = 3;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    public async Task<IReadOnlyList<Result>> RunAsync(IReadOnlyList<Attack> attacks, CancellationToken stop)
    {
        List<Result> results = [];
        SharedGrounds shared = new(stop);
        try
        {
            await Parallel.ForEachAsync(
                attacks.Where(attack => !attack.Alone),
                new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = stop },
                async (attack, _) => Add(results, await RunAsync(attack, shared, stop)));
            foreach (Attack attack in attacks.Where(attack => attack.Alone))
            {
                Add(results, await RunAsync(attack, shared, stop));
            }
        }
        finally
        {
            await shared.DisposeAsync();
            KillWhatIsLeft();
        }

        return [.. results.OrderBy(result => attacks.ToList().IndexOf(result.Attack))];
    }

    private static async Task<Result> RunAsync(Attack attack, SharedGrounds shared, CancellationToken stop)
    {
        long start = Stopwatch.GetTimestamp();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(attack.Limit);
        Task<Outcome> running = Task.Run(() => RunAsync(attack, shared, limit), CancellationToken.None);

        // One that does not heed its token is left where it is.
        await Task.WhenAny(running, Task.Delay(attack.Limit + StopLimit, stop));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!running.IsCompleted)
        {
            return new Result(attack, null, null, $"it did not end within {(attack.Limit + StopLimit).TotalSeconds} s", seconds);
        }

        try
        {
            return new Result(attack, await running, null, null, seconds);
        }
        catch (Exception e)
        {
            return SkippedException.ReasonOf(e) is { } reason
                ? new Result(attack, null, reason, null, seconds)
                : new Result(attack, null, null, limit.IsCancellationRequested ? $"it was ended after {attack.Limit.TotalSeconds} s: {e}" : e.ToString(), seconds);
        }
    }

    private static async Task<Outcome> RunAsync(Attack attack, SharedGrounds shared, CancellationTokenSource limit)
    {
        await using Ground ground = new(shared, limit.Token);
        return await attack.RunAsync(ground);
    }

    private void Add(List<Result> results, Result result)
    {
        lock (results)
        {
            results.Add(result);
            string verdict = result.Skipped is not null ? "skipped" : result.Passed ? result.Refused ? "refused" : "succeeds, as the threat model says" : "FAILED";
            say(string.Create(CultureInfo.InvariantCulture, $"{result.Attack.Name}: {verdict}, {result.Seconds:0.0} s"));
        }
    }

    // Children of this process that a fixture did not get to stop.
    private void KillWhatIsLeft()
    {
        foreach (string id in Directory.GetDirectories("/proc/self/task").SelectMany(ChildrenOf))
        {
            try
            {
                using Process process = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture));
                say($"process {id} ({process.ProcessName}) was left running: killed");
                process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // It has ended meanwhile.
            }
        }
    }

    private static string[] ChildrenOf(string task)
    {
        try
        {
            return File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (IOException)
        {
            return []; // the thread is gone
        }
    }
}
