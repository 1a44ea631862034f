using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>Nobody outside may look into the environment.</summary>
public sealed class DebugRule() : AppraisalRule("debug")
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return claims.Debug ? Fail("debug", "the environment can be debugged") : null;
    }
}
