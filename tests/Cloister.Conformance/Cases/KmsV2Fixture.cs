using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Cases;

/// <summary>KMS v2 with the EncryptionConfiguration that the plugin wrote.</summary>
public sealed class KmsV2Fixture : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v2:tee:";

    internal override Task<Cluster> StartAsync(CancellationToken cancellation) => Cluster.StartAsync(cancellation);
}
