using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The attestation key, now vouched for, signed header and body.</summary>
internal sealed class QuoteSignatureStep() : VerificationStep<DcapContext>("quote_signature", "QvL 4.1.2.4.16")
{
    public override StepFailure? Check(DcapContext context)
    {
        QuoteSignatureData data = context.Quote.SignatureData;
        SubjectPublicKey key = SubjectPublicKey.FromPoint(PublicKeyKind.P256, data.AttestationKey);
        return key.Verify(SignatureScheme.EcdsaSha256, context.Quote.SignedBytes.Span, data.Signature.Span, derEncoded: false)
            ? null
            : Fail("bad_signature", "header and body are not signed by the attestation key");
    }
}
