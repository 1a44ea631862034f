using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Grounds;

/// <summary>A cluster with two real API servers on one etcd: behind the gateway, and with a stock KMS v2 provider on the same enclave.</summary>
internal sealed record ApiCluster(Cluster Cluster, (ApiServer Server, Kubectl Kubectl) Gateway, (ApiServer Server, Kubectl Kubectl) Stock)
{
    public static async Task<ApiCluster> StartAsync(CancellationToken stop)
    {
        Cluster cluster = await Cluster.StartAsync(new ClusterOptions(), stop);
        try
        {
            (ApiServer, Kubectl) gateway = await cluster.StartApiServerAsync("gateway", null, stop);
            return new ApiCluster(cluster, gateway, await cluster.StartApiServerAsync("stock", await cluster.ThroughPluginAsync(), stop));
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }
}
