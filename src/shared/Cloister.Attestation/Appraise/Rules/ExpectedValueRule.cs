using System.Security.Cryptography;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>A claim of bytes is exactly what the relying party expects of this evidence: same length, same bytes. Without an expectation it refuses.</summary>
public sealed class ExpectedValueRule(string name, string claim) : AppraisalRule(name)
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        ArgumentNullException.ThrowIfNull(expectations);
        if (expectations.Of(claim) is not { } expected)
        {
            return Fail("no_expectation", $"the policy wants {claim} to be as expected, and the relying party expects nothing");
        }

        if (!claims.All.TryGet(claim, out ClaimValue? value) || value.Kind != ClaimKind.Bytes)
        {
            return NoClaim(claim);
        }

        return CryptographicOperations.FixedTimeEquals(value.Bytes, expected.Span) ? null : Fail("mismatch", $"{claim} is not what the relying party expects");
    }
}
