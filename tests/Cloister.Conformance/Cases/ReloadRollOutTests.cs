using Cloister.Conformance.RollOut;

namespace Cloister.Conformance.Cases;

/// <summary>
/// Three API servers with automatic reload: none is started again, each looks once a minute for a file that <c>cloister rollout</c> put there, and traffic goes on through all.
/// </summary>
[Collection(nameof(ContinuousGatewayRollOutTests))] // three nodes at a time for each of two cores
public sealed class ReloadRollOutTests
{
    [Fact]
    public async Task No_request_fails_while_API_servers_take_up_one_file_after_the_other()
    {
        await using RollingCluster cluster = await RollingCluster.StartAsync(gatewayMode: null, reload: true);
        Assert.Equal("readers", await cluster.PhaseAsync());
        await cluster.ReloadAsync("next", "writers");
        await cluster.ReloadAsync("abort", "readers");
        await cluster.Traffic.EndAsync(TestContext.Current.CancellationToken);
        Assert.Empty(cluster.Traffic.Failures);
    }
}
