using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>The platform is none of those blocked.</summary>
public sealed class PlatformBlockRule(PlatformIdentities blocked) : AppraisalRule("platforms.block")
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return blocked.Find(claims) is { } claim ? Fail("blocked", $"the platform is blocked by its {claim}") : null;
    }
}
