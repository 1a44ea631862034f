using System.Diagnostics;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>
/// The one way in which a plugin stops an API server from writing: Status is a gRPC error. (A healthz text other than "ok" does
/// not: kubernetes#138950.) The timers are constants of the API server, so this takes minutes.
/// </summary>
public abstract class StatusErrorCases(Way way)
{
    // A seed may be used for three minutes after the last good Status.
    private static readonly TimeSpan Earliest = TimeSpan.FromSeconds(115);
    private static readonly TimeSpan Latest = TimeSpan.FromSeconds(240);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Category", "Long")]
    public async Task Writes_stop_within_about_three_minutes_and_reads_go_on()
    {
        await using Cluster cluster = await Cluster.StartAsync(way, Cancellation);
        (await cluster.Kubectl.CreateSecretAsync("before", "readable", Cancellation)).EnsureSuccess();

        await cluster.Plugin.FailStatusAsync(Cancellation);
        long start = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync(
            "the API server is not ready",
            TimeSpan.FromSeconds(100),
            async () => !await cluster.Kubectl.IsOkAsync("/readyz", Cancellation),
            Cancellation,
            pause: TimeSpan.FromSeconds(1));
        TimeSpan unready = Stopwatch.GetElapsedTime(start);

        int written = 0;
        CommandResult? refused = null;
        await Eventually.HoldsAsync(
            "a write is refused",
            Latest,
            async () =>
            {
                CommandResult created = await cluster.Kubectl.CreateSecretAsync($"after-{++written}", "a", Cancellation);
                refused = created.Succeeded ? null : created;
                return refused is not null;
            },
            Cancellation,
            pause: TimeSpan.FromSeconds(2));
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        TestContext.Current.TestOutputHelper?.WriteLine($"not ready after {unready.TotalSeconds:F1} s, first refused write after {took.TotalSeconds:F1} s: {refused?.Error}");

        Assert.InRange(took, Earliest, Latest);
        Assert.Equal("readable", await cluster.Kubectl.ReadSecretAsync("before", Cancellation));
        Assert.True(await cluster.Kubectl.IsOkAsync("/livez", Cancellation));
    }
}

public sealed class StatusErrorTests() : StatusErrorCases(Way.Direct);

public sealed class RelayedStatusErrorTests() : StatusErrorCases(Way.Relay);
