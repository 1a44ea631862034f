using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Conformance.Cases;

/// <summary>KMS v2 with the EncryptionConfiguration that the plugin wrote.</summary>
public abstract class KmsV2Fixture(Way way) : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v2:tee:";

    internal override Task<Cluster> StartAsync(CancellationToken cancellation) => Cluster.StartAsync(way, cancellation);
}

/// <summary>The plugin owns the socket.</summary>
public sealed class DirectKmsV2Fixture() : KmsV2Fixture(Way.Direct);

/// <summary>The relay owns it.</summary>
public sealed class RelayedKmsV2Fixture() : KmsV2Fixture(Way.Relay);
