using Cloister.Attestation.Abi.Nitro;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>The evidence is a COSE_Sign1 message whose payload is an attestation document, both strictly read.</summary>
internal sealed class NitroDocumentFormatStep()
    : VerificationStep<NitroVerification>("document_format", "AWS Nitro Enclaves, Attestation process, 2.2 and 3.1; RFC 9052, section 4.2")
{
    public override StepFailure? Check(NitroVerification context)
    {
        context.Message = CoseSign1.Parse(context.Evidence);
        context.Document = NitroDocument.Parse(context.Message.Payload, context.Message.PayloadOffset);
        return null;
    }
}
