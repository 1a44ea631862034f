using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The platform's PCK key signed the quoting enclave's report.</summary>
internal sealed class QeReportSignatureStep() : VerificationStep<DcapContext>("qe_report_signature", "QvL 4.1.2.4.12")
{
    public override StepFailure? Check(DcapContext context)
    {
        QuoteSignatureData data = context.Quote.SignatureData;
        return context.PckChain[0].PublicKey.Verify(SignatureScheme.EcdsaSha256, data.QeReport.Body.Span, data.QeReportSignature.Span, derEncoded: false)
            ? null
            : Fail("bad_signature", "the QE report is not signed by the PCK key");
    }
}
