using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>KMS v1, which an API server of today speaks only behind a feature gate.</summary>
public abstract class KmsV1Fixture(Way way) : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v1:tee:";

    internal override Task<Cluster> StartAsync(CancellationToken cancellation) =>
        Cluster.StartAsync(
            way,
            plugin => KmsProvider.Configuration(new KmsProvider("v1", plugin.ProviderName, plugin.Socket)),
            ["--feature-gates=KMSv1=true"],
            cancellation);
}

/// <summary>The plugin owns the socket.</summary>
public sealed class DirectKmsV1Fixture() : KmsV1Fixture(Way.Direct);

/// <summary>The relay owns it.</summary>
public sealed class RelayedKmsV1Fixture() : KmsV1Fixture(Way.Relay);
