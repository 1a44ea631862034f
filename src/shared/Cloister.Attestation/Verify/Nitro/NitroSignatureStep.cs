using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>The enclave's key signed the Sig_structure of the message. The signature is r||s and malleable: never an identity for replay caches.</summary>
internal sealed class NitroSignatureStep() : VerificationStep<NitroVerification>("document_signature", "RFC 9052, section 4.4; RFC 9053, section 2.1")
{
    public override StepFailure? Check(NitroVerification context) =>
        context.Signer.PublicKey.Verify(SignatureScheme.EcdsaSha384, context.Message.ToBeSigned(), context.Message.Signature.Span, derEncoded: false)
            ? null
            : Fail("bad_signature", $"the document is not signed by the key of '{context.Signer.CommonName}'");
}
