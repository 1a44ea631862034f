using System.Globalization;
using Cloister.Cli.Tests.Harness;
using Grpc.Core;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>
/// Something goes wrong while Secrets are written, and Prometheus watches: exactly the alerts fire that should. CLOISTER_WATCHED_MINUTES=5 leaves the alerts' own times; by default these are
/// a twelfth, so that the test is short.
/// </summary>
public sealed class WatchedStormTests
{
    private const int Shorter = 12;

    // The TEE is simulated, in every test.
    private const string Always = "CloisterSimulated";

    private static readonly int? Minutes = int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_WATCHED_MINUTES"), CultureInfo.InvariantCulture, out int minutes) ? minutes : null;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Exactly_the_alerts_fire_that_should_when_a_broker_is_killed_and_a_lease_revoked()
    {
        await using ObservedStack stack = await ObservedStack.StartAsync();
        await using PrometheusProcess prometheus = await PrometheusProcess.StartAsync(stack, Minutes is null ? Shorter : 1);
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task writing = WriteAsync(stack, over.Token);
        try
        {
            await OnlyAsync(prometheus, []);

            await stack.KillBrokerAsync();
            await OnlyAsync(prometheus, ["CloisterTargetDown", "CloisterBrokerAway", "CloisterAllBrokersAway"]);

            await stack.Broker.RestartAsync(Stop);
            await OnlyAsync(prometheus, []);

            (await CliProcess.RunAsync(["enclaves", "revoke", "--kind", "kek", "--value", "dev", "--reason", "a test", .. stack.BrokerOptions])).MustSucceed();
            await OnlyAsync(prometheus, ["CloisterRevoked", "CloisterLeaseNotRenewed"]);

            (await CliProcess.RunAsync(["enclaves", "lift", "--kind", "kek", "--value", "dev", .. stack.BrokerOptions])).MustSucceed();
            await OnlyAsync(prometheus, []);
        }
        finally
        {
            await over.CancelAsync();
            await writing;
        }
    }

    // All of these and no other, and none comes while it is looked for a while; in between others may not fire either.
    private static async Task OnlyAsync(PrometheusProcess prometheus, string[] alerts)
    {
        string[] expected = [.. alerts.Append(Always).Order()];
        IReadOnlyList<string> firing = [];
        long until = Environment.TickCount64 + (long)TimeSpan.FromMinutes(Minutes is null ? 2 : 15).TotalMilliseconds;
        while (!(firing = await prometheus.FiringAsync()).SequenceEqual(expected))
        {
            Assert.True(Environment.TickCount64 < until, $"wanted {string.Join(", ", expected)}; fire: {string.Join(", ", firing)}");
            await Task.Delay(500, Stop);
        }

        long calm = Environment.TickCount64 + (Minutes is { } minutes ? minutes * 12_000 : 4_000);
        while (Environment.TickCount64 < calm)
        {
            Assert.Equal(expected, await prometheus.FiringAsync());
            await Task.Delay(500, Stop);
        }
    }

    // As API servers do: what fails is tried again.
    private static async Task WriteAsync(ObservedStack stack, CancellationToken stop)
    {
        using Dev.GatewayClient gateway = stack.ThroughGateway();
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            try
            {
                await gateway.PutAsync($"/registry/secrets/default/s{i % 20}", $"value {i}");
                await gateway.GetAsync($"/registry/secrets/default/s{i % 20}");
            }
            catch (Exception e) when (e is RpcException or InvalidOperationException)
            {
                // The lease was revoked.
            }

            await Task.Delay(100, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
