using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>KMS v1, which an API server of today speaks only behind a feature gate.</summary>
public sealed class KmsV1Fixture : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v1:tee:";

    internal override async Task<Cluster> StartAsync(CancellationToken cancellation)
    {
        Cluster cluster = await Cluster.PrepareAsync(PluginsUnderTest.Create, ["--feature-gates=KMSv1=true"], cancellation);
        IPluginUnderTest plugin = cluster.Plugin;
        await plugin.StartAsync(cancellation);
        await cluster.ConfigureAsync(KmsProvider.Configuration(new KmsProvider("v1", plugin.ProviderName, plugin.Socket)), cancellation);
        await cluster.StartApiServerAsync(cancellation);
        await cluster.UntilReadyAsync(cancellation);
        return cluster;
    }
}
