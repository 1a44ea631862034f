using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>Every revocation list given is current, signed by an authority of the chain, and names nothing in it.</summary>
internal sealed class NitroRevocationStep() : VerificationStep<NitroVerification>("revocation", "AWS Nitro Enclaves, Attestation process, 3.2.3 (CRL); RFC 5280, section 6.3")
{
    public override StepFailure? Check(NitroVerification context) =>
        CertificateRevocation.Check(Name, context.Chain, context.RevocationLists, context.Time);
}
