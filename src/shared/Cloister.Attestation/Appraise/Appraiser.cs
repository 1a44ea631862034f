using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;

namespace Cloister.Attestation.Appraise;

/// <summary>Holds authentic evidence against a policy. The only way from <see cref="VerificationResult"/> to <see cref="AppraisedEvidence"/>.</summary>
public static class Appraiser
{
    /// <summary>The policy's answer, with every reason to refuse.</summary>
    /// <param name="result">A verification's result. Evidence that is not authentic is refused with the verification's failure.</param>
    /// <param name="policy">What is acceptable.</param>
    /// <param name="expectations">What the relying party expects of this very evidence; null for nothing.</param>
    public static AppraisalResult Appraise(VerificationResult result, AppraisalPolicy policy, Expectations? expectations = null)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(policy);
        if (!result.IsAuthentic)
        {
            return new AppraisalResult(null, [result.Failure], []);
        }

        if (policy.SectionFor(result.Tee) is not { } section)
        {
            return new AppraisalResult(null, [new StepFailure("tee", "not_allowed", $"policy '{policy.Name}' has no section for {TeeNames.NameOf(result.Tee)}")], []);
        }

        EvidenceClaims claims = result.UnappraisedClaims;
        List<StepFailure> failures = [.. section.Missing.Select(Missing)];
        if (claims.TcbStatus == TcbStatus.Revoked)
        {
            failures.Add(new StepFailure("tcb.statuses", "revoked", "the platform's TCB is revoked; no policy can accept it"));
        }

        foreach (AppraisalRule rule in section.Rules)
        {
            if (rule.Check(claims, expectations ?? Expectations.None) is { } failure)
            {
                failures.Add(failure);
            }
        }

        return new AppraisalResult(failures.Count == 0 ? new AppraisedEvidence(claims, policy.Name) : null, failures, section.Waived);
    }

    private static StepFailure Missing(string rule) => new(rule, "missing_rule", $"the policy does not say what '{rule}' must be; write 'any' to waive it");
}
