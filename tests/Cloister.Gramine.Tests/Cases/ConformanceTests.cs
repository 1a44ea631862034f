using Cloister.Conformance.Cases;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.Gramine.Tests.Cases;

/// <summary>A node under a real API server, with KMS v2 through the relay.</summary>
public sealed class NodeFixture : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v2:tee:";

    internal override Task<Cluster> StartAsync(CancellationToken cancellation) => Cluster.StartAsync(Way.Relay, cancellation);
}

public sealed class ConformanceTests(NodeFixture fixture) : BasicCases(fixture), IClassFixture<NodeFixture>;

public sealed class RestartTests() : RestartCases(Way.Relay);

public sealed class RotationTests() : RotationCases(Way.Relay);
