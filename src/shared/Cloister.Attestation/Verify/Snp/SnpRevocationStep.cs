using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// Every revocation list given is the pinned ARK's, current, and does not name the ASK or ASVK. AMD's lists cover what the ARK
/// issued; endorsement keys are not revoked by serial number (all of theirs are 0) but by TCB.
/// </summary>
internal sealed class SnpRevocationStep() : VerificationStep<SnpVerification>("revocation", "AMD 57230, section 4.3 (CRL); RFC 5280, section 6.3")
{
    public override StepFailure? Check(SnpVerification context)
    {
        foreach (RevocationList list in context.Collateral.RevocationLists)
        {
            if (!list.IsSignedBy(context.Root))
            {
                return Fail("bad_signature", $"a revocation list is not signed by '{context.Root.CommonName}'");
            }

            if (context.Time.Value < list.ThisUpdate)
            {
                return Fail("not_yet_valid", $"a revocation list is of {list.ThisUpdate:u}, judged at {context.Time}");
            }

            if (context.Time.Value > list.NextUpdate)
            {
                return Fail("expired", $"a revocation list was to be replaced by {list.NextUpdate:u}, judged at {context.Time}");
            }

            foreach (Certificate certificate in (ReadOnlySpan<Certificate>)[context.Issuer, context.Root])
            {
                if (list.Revokes(certificate))
                {
                    return Fail("revoked", $"'{certificate.CommonName}' is revoked");
                }
            }
        }

        return null;
    }
}
