using Cloister.Conformance.RollOut;

namespace Cloister.Conformance.Cases;

/// <summary>
/// <see cref="ContinuousRollOutTests"/> with Secrets through the gateway of each node's enclave, as docs/gateway.md says.
/// </summary>
[Collection(nameof(ContinuousGatewayRollOutTests))] // three nodes at a time for each of two cores
public sealed class ContinuousGatewayRollOutTests
{
    [Fact]
    public async Task Through_gateways_no_request_fails_from_the_first_phase_to_the_removal()
    {
        await using RollingCluster cluster = await RollingCluster.StartAsync(gatewayMode: "adopt");
        await cluster.OnEachAsync(cluster.ReadersAsync);
        await cluster.OnEachAsync(cluster.ToGatewayAsync);
        Assert.Equal("gateway", await cluster.PhaseAsync(RollingCluster.ToGateways));

        // Not sealed while values are in clear.
        string[] last = [.. RollingCluster.ToGateways, .. cluster.Endpoints];
        Assert.Contains("in clear", (await cluster.RolloutAsync("next", last)).Output, StringComparison.Ordinal);
        await RollingCluster.CliAsync(["etcd", "rewrap", .. cluster.Endpoints, "--socket", cluster.Nodes[0].SecretsSocket, "--include-plaintext"]);
        await cluster.CoverageAsync();
        Assert.Contains("mode: sealed", (await cluster.RolloutAsync("next", last)).EnsureSuccess(), StringComparison.Ordinal);

        await cluster.ImportAsync(2);
        await cluster.OnEachAsync(node => RollingCluster.UpgradeAsync(node, "sealed", gateway: true));
        await cluster.RotatedAsync();
        await cluster.CoverageAsync();

        await cluster.OnEachAsync(node => RollingCluster.UpgradeAsync(node, "adopt", gateway: true));
        Assert.Contains("mode: adopt", (await cluster.RolloutAsync("abort", RollingCluster.ToGateways)).EnsureSuccess(), StringComparison.Ordinal);
        await cluster.OnEachAsync(cluster.ReadersAsync);
        Assert.Equal("readers", await cluster.PhaseAsync(RollingCluster.ToGateways));
        await cluster.RemoveAsync();
    }

    [Fact]
    public async Task Writers_without_readers_first_fail_the_same_traffic()
    {
        await using RollingCluster cluster = await RollingCluster.StartAsync(gatewayMode: "adopt");
        await cluster.EarlyAsync(gateway: true);
    }
}
