using Cloister.Conformance.Cases;
using Cloister.Conformance.Harness;
using Cloister.Conformance.Plugins;

namespace Cloister.EnclaveVm.Tests.Cases;

/// <summary>A machine under a real API server, with KMS v2 through the relay.</summary>
public sealed class MachineFixture : BasicFixture
{
    internal override string StoredPrefix => "k8s:enc:kms:v2:tee:";

    internal override Task<Cluster> StartAsync(CancellationToken cancellation) => Cluster.StartAsync(Way.Relay, cancellation);
}

public sealed class ConformanceTests(MachineFixture fixture) : BasicCases(fixture), IClassFixture<MachineFixture>;
