using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>Numbers are at least a minimum, all of them.</summary>
public sealed class MinimumRule(string name, ulong minimum, params IReadOnlyList<string> numbers) : AppraisalRule(name)
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        foreach (string claim in numbers)
        {
            if (!claims.All.TryGet(claim, out ClaimValue? value) || value.Kind != ClaimKind.Number)
            {
                return NoClaim(claim);
            }

            if (value.Number < minimum)
            {
                return Fail("too_low", $"{claim} is {value.Number}, at least {minimum} is wanted");
            }
        }

        return null;
    }
}
