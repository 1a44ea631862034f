using System.Globalization;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>The report names ECDSA P-384 with SHA-384, the only algorithm AMD defines.</summary>
internal sealed class SnpSignatureAlgorithmStep() : VerificationStep<SnpVerification>("signature_algorithm", "AMD 56860, table 23 (SIGNATURE_ALGO)")
{
    private const uint EcdsaP384Sha384 = 1;

    public override StepFailure? Check(SnpVerification context) => context.Report.SignatureAlgorithm == EcdsaP384Sha384
        ? null
        : Fail("unknown_algorithm", string.Create(CultureInfo.InvariantCulture, $"signature algorithm {context.Report.SignatureAlgorithm}, expected 1"));
}
