using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>KMS v2 with <c>cloister relay</c> between the API server and the plugin.</summary>
public sealed class RelayFixture : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v2:tee:";

    internal override Task<Cluster> StartAsync(CancellationToken cancellation) =>
        Cluster.StartAsync(PluginsUnderTest.CreateRelayed, plugin => plugin.EncryptionConfiguration, [], cancellation);
}
