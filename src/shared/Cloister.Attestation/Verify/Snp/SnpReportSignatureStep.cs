using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>The endorsement key signed bytes 000h to 29Fh of the report.</summary>
internal sealed class SnpReportSignatureStep() : VerificationStep<SnpVerification>("report_signature", "AMD 56860, section 7.3 and the ECDSA P-384 signature format")
{
    public override StepFailure? Check(SnpVerification context)
    {
        Span<byte> signature = stackalloc byte[96];
        context.Report.CopySignature(signature);
        return context.EndorsementKey.PublicKey.Verify(SignatureScheme.EcdsaSha384, context.Report.SignedBytes, signature, derEncoded: false)
            ? null
            : Fail("bad_signature", $"the report is not signed by the key of '{context.EndorsementKey.CommonName}'");
    }
}
