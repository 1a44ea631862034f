namespace Cloister.Attestation.Verify.Snp;

/// <summary>The evidence is a report of a known version, strictly read, in one of the forms it travels in.</summary>
internal sealed class SnpEvidenceFormatStep() : VerificationStep<SnpVerification>("evidence_format", "AMD 56860 (SEV-SNP Firmware ABI), table 23")
{
    public override StepFailure? Check(SnpVerification context)
    {
        context.Evidence = context.ReadEvidence();
        return null;
    }
}
