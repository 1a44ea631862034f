using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>The platform is one of those allowed: the answer to attacks that extract keys from machines in the attacker's hands.</summary>
public sealed class PlatformAllowRule(PlatformIdentities allowed) : AppraisalRule("platforms.allow")
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return allowed.Find(claims) is null ? Fail("not_allowed", "the platform is not on the list") : null;
    }
}
