using Cloister.Conformance.RollOut;

namespace Cloister.Conformance.Cases;

/// <summary>
/// Three API servers change one after the other as docs/operations.md says, while Secrets are written, read, listed and watched through all that are in service. In the right order
/// no request fails; in another the same traffic sees it.
/// </summary>
public sealed class ContinuousRollOutTests
{
    [Fact]
    public async Task With_the_provider_no_request_fails_from_the_first_phase_to_the_removal()
    {
        await using RollingCluster cluster = await RollingCluster.StartAsync(gatewayMode: null);
        await cluster.OnEachAsync(node => cluster.StepAsync("next", node));
        Assert.Equal("readers", await cluster.PhaseAsync());
        await cluster.OnEachAsync(node => cluster.StepAsync("next", node));
        Assert.Contains("in clear", (await cluster.RolloutAsync("next", cluster.Endpoints)).Output, StringComparison.Ordinal);
        await RollingCluster.CliAsync(["etcd", "rewrap", .. cluster.Endpoints, "--socket", cluster.Nodes[0].SecretsSocket, "--include-plaintext"]);
        await cluster.OnEachAsync(node => cluster.StepAsync("next", node));
        Assert.Equal("sealed", await cluster.PhaseAsync());
        await cluster.CoverageAsync();

        // A new version, and then everything of each node is started again, as an upgrade does: with it, an API server asks for the version that writes use.
        await cluster.ImportAsync(2);
        await cluster.OnEachAsync(node => RollingCluster.UpgradeAsync(node, null, gateway: false));
        await cluster.RotatedAsync();
        await cluster.CoverageAsync();

        // Enclaves alone, under API servers that stay in service: these have what they need for minutes.
        foreach (ControlPlaneNode node in cluster.Nodes)
        {
            await node.StartEnclaveAsync(null, TestContext.Current.CancellationToken);
            await cluster.UntilTrafficFlowsAsync();
        }

        await cluster.OnEachAsync(node => cluster.StepAsync("abort", node));
        await cluster.OnEachAsync(node => cluster.StepAsync("abort", node));
        Assert.Contains("are encrypted", (await cluster.RolloutAsync("abort", cluster.Endpoints)).Output, StringComparison.Ordinal);
        await cluster.RemoveAsync();
    }

    [Fact]
    public async Task Writers_without_readers_first_fail_the_same_traffic()
    {
        await using RollingCluster cluster = await RollingCluster.StartAsync(gatewayMode: null);
        await cluster.EarlyAsync(gateway: false);
    }
}
