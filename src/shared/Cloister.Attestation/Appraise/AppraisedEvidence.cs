using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise;

/// <summary>Evidence that is authentic and that a policy accepts. Only <see cref="Appraiser"/> makes one, so code that takes it cannot be reached by evidence nobody appraised.</summary>
public sealed class AppraisedEvidence
{
    internal AppraisedEvidence(EvidenceClaims claims, string policyName)
    {
        Claims = claims;
        PolicyName = policyName;
    }

    /// <summary>What the evidence says.</summary>
    public EvidenceClaims Claims { get; }

    /// <summary>The policy that accepted it.</summary>
    public string PolicyName { get; }
}
