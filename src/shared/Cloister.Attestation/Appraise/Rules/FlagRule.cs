using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>A flag is as wanted. Evidence that does not say it is refused.</summary>
public sealed class FlagRule(string name, string claim, bool wanted) : AppraisalRule(name)
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return !claims.All.TryGet(claim, out ClaimValue? value) || value.Kind != ClaimKind.Flag ? NoClaim(claim)
            : value.Flag == wanted ? null
            : Fail("not_allowed", $"{claim} is {value}");
    }
}
