using System.Security.Cryptography;
using Cloister.Attestation.Abi.Dcap;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The quoting enclave vouches for the attestation key: its report data is SHA-256(key || authentication data), then zeros.</summary>
internal sealed class QeReportDataStep() : VerificationStep<DcapContext>("qe_report_data", "QvL 4.1.2.4.13")
{
    public override StepFailure? Check(DcapContext context)
    {
        QuoteSignatureData data = context.Quote.SignatureData;
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(data.AttestationKey.Span);
        hash.AppendData(data.QeAuthData.Span);
        Span<byte> expected = stackalloc byte[64];
        expected.Clear();
        hash.GetHashAndReset(expected);
        return data.QeReport.ReportData.Span.SequenceEqual(expected)
            ? null
            : Fail("wrong_binding", "the QE report does not commit to the attestation key and the QE authentication data");
    }
}
