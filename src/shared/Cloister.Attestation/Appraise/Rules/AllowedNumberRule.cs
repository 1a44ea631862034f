using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>A number is one of those allowed.</summary>
public sealed class AllowedNumberRule(string name, string claim, params IReadOnlyList<ulong> allowed) : AppraisalRule(name)
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return !claims.All.TryGet(claim, out ClaimValue? value) || value.Kind != ClaimKind.Number ? NoClaim(claim)
            : allowed.Contains(value.Number) ? null
            : Fail("not_allowed", $"{claim} is {value.Number}");
    }
}
