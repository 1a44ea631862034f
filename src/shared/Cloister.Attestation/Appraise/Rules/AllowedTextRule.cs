using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>A text is one of those allowed, without regard to case.</summary>
public sealed class AllowedTextRule(string name, string claim, params IReadOnlyList<string> allowed) : AppraisalRule(name)
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        return !claims.All.TryGet(claim, out ClaimValue? value) || value.Kind != ClaimKind.Text ? NoClaim(claim)
            : allowed.Contains(value.Text, StringComparer.OrdinalIgnoreCase) ? null
            : Fail("not_allowed", $"{claim} is {value.Text}");
    }
}
