using System.Security.Cryptography;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// In an HCL report the report data is the SHA-256 of the runtime data, then zeros. Only so are the keys in the runtime data, the
/// vTPM's attestation key among them, the guest's.
/// </summary>
internal sealed class SnpRuntimeDataStep() : VerificationStep<SnpVerification>("runtime_data", "Azure confidential VM guest attestation, HCL report (runtime data)")
{
    public override StepFailure? Check(SnpVerification context)
    {
        if (context.Evidence.RuntimeData is not { } runtimeData)
        {
            return null;
        }

        Span<byte> expected = stackalloc byte[64];
        expected.Clear();
        SHA256.HashData(runtimeData.Span, expected);
        return context.Report.ReportData.SequenceEqual(expected)
            ? null
            : Fail("binding_mismatch", "the report data is not the SHA-256 of the runtime data");
    }
}
