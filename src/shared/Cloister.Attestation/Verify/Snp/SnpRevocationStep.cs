using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// Every revocation list given is the pinned ARK's, current, and does not name the ASK or ASVK. AMD's lists cover what the ARK
/// issued; endorsement keys are not revoked by serial number (all of theirs are 0) but by TCB.
/// </summary>
internal sealed class SnpRevocationStep() : VerificationStep<SnpVerification>("revocation", "AMD 57230, certificate revocation lists; RFC 5280, section 6.3")
{
    public override StepFailure? Check(SnpVerification context) =>
        CertificateRevocation.Check(Name, [context.EndorsementKey, context.Issuer, context.Root], context.Collateral.RevocationLists, context.Time);
}
