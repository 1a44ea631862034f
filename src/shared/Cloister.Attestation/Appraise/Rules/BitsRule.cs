using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>Bits of a number that must be set, and bits that may be set; every other bit must be clear, those not known today included.</summary>
public sealed class BitsRule(string name, string claim, ulong required, ulong allowed) : AppraisalRule(name)
{
    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        if (!claims.All.TryGet(claim, out ClaimValue? value) || value.Kind != ClaimKind.Number)
        {
            return NoClaim(claim);
        }

        ulong missing = required & ~value.Number;
        ulong unwanted = value.Number & ~(allowed | required);
        return missing != 0 ? Fail("bit_clear", $"{claim} is 0x{value.Number:x}, bits 0x{missing:x} must be set")
            : unwanted != 0 ? Fail("bit_set", $"{claim} is 0x{value.Number:x}, bits 0x{unwanted:x} are not allowed")
            : null;
    }
}
