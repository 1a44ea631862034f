using Cloister.Contracts.Envelope;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Services.Admin;
using Cloister.Enclave.Wire.Grpc;

namespace Cloister.Enclave.Configuration;

/// <summary>Everything that an enclave is told, validated, immutable. docs/configuration.md is its reference. secrets: none.</summary>
public sealed record EnclaveConfiguration
{
    /// <summary>Cluster and provider, which every EDEK is bound to.</summary>
    public required EnvelopeContext Context { get; init; }

    /// <summary>Where KMS v1 and v2 are served, or null for nowhere: a gateway needs no KMS socket.</summary>
    public ServerOptions? Kms { get; init; }

    /// <summary>Where administration is served, or null for none.</summary>
    public ServerOptions? Admin { get; init; }

    /// <summary>Where encryption of whole values is served, or null for none.</summary>
    public ServerOptions? Secrets { get; init; }

    /// <summary><c>manual</c>, <c>attested</c>, <c>remote</c> or <c>passthrough</c>.</summary>
    public required string Custody { get; init; }

    /// <summary>Whose signature changes the KEKs of custody manual.</summary>
    public OperatorPins Operators { get; init; } = OperatorPins.None;

    /// <summary>How a remote KMS is used.</summary>
    public RemoteOptions Remote { get; init; } = new();

    /// <summary>The brokers of custody attested, or of remote and passthrough when they use one as their KMS; or null.</summary>
    public BrokerOptions? Broker { get; init; }

    /// <summary>The gateway to etcd, or null for none.</summary>
    public GatewayOptions? Gateway { get; init; }

    /// <summary>Folder of the sealed copy, or null for memory only.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>Custody attested: whether a sealed copy of the lease is kept there, which a host can use after a revocation.</summary>
    public bool SealsLease { get; init; }
}
