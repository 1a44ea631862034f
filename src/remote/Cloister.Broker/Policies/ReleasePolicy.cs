using Cloister.Attestation.Appraise;
using Cloister.Attestation.Certificates;
using Cloister.Broker.Evidence;

namespace Cloister.Broker.Policies;

/// <summary>Which enclaves get a KEK, and for how long (<c>kind: ReleasePolicy</c>).</summary>
public sealed class ReleasePolicy
{
    internal ReleasePolicy(AppraisalPolicy appraisal, IReadOnlySet<string>? configDigests, IReadOnlyList<Certificate> roots, LeaseAllowance lease, IReadOnlyList<string> gatewayNames)
    {
        Appraisal = appraisal;
        ConfigDigests = configDigests;
        Roots = roots;
        Lease = lease;
        GatewayNames = gatewayNames;
    }

    /// <summary>Its name.</summary>
    public string Name => Appraisal.Name;

    /// <summary>Which evidence is acceptable.</summary>
    public AppraisalPolicy Appraisal { get; }

    /// <summary>SHA-384 of the configurations that are acceptable, lower-case hex; null: the policy waives it by <c>any</c>.</summary>
    public IReadOnlySet<string>? ConfigDigests { get; }

    /// <summary>Roots trusted besides the vendors'. When there is any, simulated TEEs may get the KEK: say so loudly.</summary>
    public IReadOnlyList<Certificate> Roots { get; }

    /// <summary>What leases may be.</summary>
    public LeaseAllowance Lease { get; }

    /// <summary>IP addresses and DNS names that gateways' certificates are for, besides loopback.</summary>
    public IReadOnlyList<string> GatewayNames { get; }

    /// <summary>Whether the configuration that the enclave states is acceptable. An enclave without a statement has none.</summary>
    public bool AcceptsConfiguration(AttestedEnclave enclave) =>
        ConfigDigests is null || (enclave.Statement is { } statement && ConfigDigests.Contains(statement.Config));
}
