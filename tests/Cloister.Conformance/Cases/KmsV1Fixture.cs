using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>KMS v1, which an API server of today speaks only behind a feature gate.</summary>
public sealed class KmsV1Fixture : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v1:tee:";

    internal override Task<Cluster> StartAsync(CancellationToken cancellation) =>
        Cluster.StartAsync(
            PluginsUnderTest.Create,
            plugin => KmsProvider.Configuration(new KmsProvider("v1", plugin.ProviderName, plugin.Socket)),
            ["--feature-gates=KMSv1=true"],
            cancellation);
}
