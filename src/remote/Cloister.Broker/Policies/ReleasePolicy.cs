using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Certificates;
using Cloister.Broker.Evidence;
using Cloister.Kbs;

namespace Cloister.Broker.Policies;

/// <summary>Which enclaves get a KEK, and for how long (<c>kind: ReleasePolicy</c>).</summary>
public sealed class ReleasePolicy
{
    internal ReleasePolicy(AppraisalPolicy appraisal, IReadOnlySet<string>? configDigests, IReadOnlyList<Certificate> roots, LeaseAllowance lease, IReadOnlyList<string> gatewayNames, InitDataRule? initData)
    {
        Appraisal = appraisal;
        ConfigDigests = configDigests;
        Roots = roots;
        Lease = lease;
        GatewayNames = gatewayNames;
        InitData = initData;
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

    /// <summary>Whom gateways trust that leave it to the broker; null: nobody.</summary>
    public GatewayTrust? GatewayTrust { get; init; }

    /// <summary>What init-data that comes with evidence has to be; null: none may come.</summary>
    public InitDataRule? InitData { get; }

    /// <summary>What this policy asks for besides the appraisal: configuration and init-data. Null: nothing is wrong.</summary>
    /// <param name="enclave">Accepted by the appraisal. One without a statement has no configuration.</param>
    /// <param name="initData">What came with the evidence.</param>
    public StepFailure? Check(AttestedEnclave enclave, InitData? initData)
    {
        ArgumentNullException.ThrowIfNull(enclave);
        if (ConfigDigests is not null && (enclave.Statement is not { } statement || !ConfigDigests.Contains(statement.Config)))
        {
            return new StepFailure("config_digest", "not_allowed", "the policy does not name the configuration that the enclave runs with");
        }

        return initData is null ? null
            : InitData is null ? new StepFailure("init_data", "no_rule", "the policy has no rule for init-data: leave it out, or set spec.initData")
            : InitData.Covers(enclave, initData) ? null
            : new StepFailure("init_data", "mismatch", "the TEE was not started with the digest of this init-data");
    }
}
