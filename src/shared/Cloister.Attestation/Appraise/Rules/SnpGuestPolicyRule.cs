using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>
/// The guest policy that the firmware enforces: bits that must be set, bits that may be set, and a minimum ABI version. Bit 17 is always set; the debug bit is the debug rule's matter.
/// </summary>
/// <param name="required">Bits that must be set.</param>
/// <param name="allowed">Bits that may be set.</param>
/// <param name="minimumAbi">Lowest acceptable ABI version that the guest asks for; null for none.</param>
public sealed class SnpGuestPolicyRule(ulong required, ulong allowed, Version? minimumAbi) : AppraisalRule("guestPolicy")
{
    private const ulong AbiBits = 0xFFFF;
    private const ulong AlwaysSet = 1 << 17;
    private const ulong Debug = 1 << 19;

    private readonly BitsRule _bits = new("guestPolicy", ClaimNames.GuestPolicy, required, allowed | AbiBits | AlwaysSet | Debug);

    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        if (_bits.Check(claims, expectations) is { } failure)
        {
            return failure;
        }

        if (minimumAbi is null || !claims.All.TryGet(ClaimNames.GuestPolicy, out ClaimValue? policy))
        {
            return null;
        }

        Version abi = new((int)((policy.Number >> 8) & 0xFF), (int)(policy.Number & 0xFF));
        return abi >= minimumAbi ? null : Fail("too_low", $"the guest asks for ABI {abi}, at least {minimumAbi} is wanted");
    }
}
