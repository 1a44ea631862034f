using System.Security.Cryptography;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;

namespace Cloister.Attestation.Azure;

/// <summary>What the steps of one verification share.</summary>
/// <param name="Evidence">The evidence, read.</param>
/// <param name="Hardware">What the hardware says, verified; null as long as only the vTPM's part is looked at.</param>
internal sealed record AzureVerification(AzureEvidence Evidence, EvidenceClaims? Hardware)
{
    /// <summary>The report data that the runtime data has to be under: of the verified report where there is one.</summary>
    public ReadOnlySpan<byte> ReportData => Hardware switch
    {
        SnpClaims snp => snp.Report.ReportData,
        TdxClaims tdx => tdx.Report.ReportData.Span,
        _ => Evidence.Tee == Tee.AzureSnp ? SnpReport.Parse(Evidence.Hcl.HardwareReport).ReportData : TdReportStruct.Of(Evidence.Hcl).ReportData,
    };
}

/// <summary>The verified hardware report is the one in the paravisor's report: the same SNP report, or a quote of the same TDREPORT.</summary>
internal sealed class AzureHardwareReportStep() : VerificationStep<AzureVerification>("hardware_report", "Azure guest attestation, HCL report (hardware report)")
{
    public override StepFailure? Check(AzureVerification context)
    {
        bool same = context.Hardware switch
        {
            null => true,
            SnpClaims snp when context.Evidence.Tee == Tee.AzureSnp => snp.Report.Bytes.SequenceEqual(context.Evidence.Hcl.HardwareReport.Span),
            TdxClaims tdx when context.Evidence.Tee == Tee.AzureTdx => TdReportStruct.Of(context.Evidence.Hcl).IsQuotedIn(tdx.Report),
            _ => false,
        };
        return same ? null : Fail("another_report", "what was verified is not the report in the paravisor's report: the quote is of another trust domain");
    }
}

/// <summary>The report data is the SHA-256 of the runtime data, then zeros: only so the vTPM's key and the VM's configuration are what the paravisor said.</summary>
internal sealed class AzureRuntimeDataStep() : VerificationStep<AzureVerification>("runtime_data", "Azure guest attestation, HCL report (runtime data)")
{
    public override StepFailure? Check(AzureVerification context)
    {
        Span<byte> expected = stackalloc byte[64];
        expected.Clear();
        SHA256.HashData(context.Evidence.Hcl.RuntimeData.Span, expected);
        return context.ReportData.SequenceEqual(expected) ? null : Fail("binding_mismatch", "the report data is not the SHA-256 of the runtime data");
    }
}

/// <summary>
/// An SNP report was asked for at VMPL 0, where the paravisor is. A guest above it can ask the firmware for reports of its own, with runtime data of its own
/// invention in the report data: those bear its VMPL.
/// </summary>
internal sealed class AzureParavisorStep() : VerificationStep<AzureVerification>("paravisor", "AMD 56860 (SEV-SNP Firmware ABI), MSG_REPORT_REQ (VMPL)")
{
    public override StepFailure? Check(AzureVerification context) =>
        context.Evidence.Tee != Tee.AzureSnp || SnpReport.Parse(context.Evidence.Hcl.HardwareReport).Vmpl == 0
            ? null
            : Fail("wrong_vmpl", "the report was not asked for at VMPL 0: a guest may have made the runtime data itself");
}

/// <summary>In version 2 the guest wrote what it quotes into the user data too: 64 bytes, the qualifying data and zeros.</summary>
internal sealed class AzureUserDataStep() : VerificationStep<AzureVerification>("user_data", "Confidential Containers, az-snp-vtpm evidence version 2")
{
    public override StepFailure? Check(AzureVerification context)
    {
        if (context.Evidence.Version < 2)
        {
            return null;
        }

        ReadOnlySpan<byte> quoted = context.Evidence.Quote.QualifyingData.Span;
        Span<byte> expected = stackalloc byte[64];
        expected.Clear();
        quoted[..Math.Min(quoted.Length, expected.Length)].CopyTo(expected);
        return quoted.Length <= expected.Length && context.Evidence.RuntimeData.UserData is { } userData && userData.Span.SequenceEqual(expected)
            ? null
            : Fail("binding_mismatch", "the user data in the runtime data is not what the vTPM quoted");
    }
}

/// <summary>The vTPM's attestation key, and no other, signed the quote.</summary>
internal sealed class AzureQuoteSignatureStep() : VerificationStep<AzureVerification>("tpm_quote_signature", "TPM 2.0 Library, part 3, TPM2_Quote")
{
    public override StepFailure? Check(AzureVerification context)
    {
        try
        {
            using RSA key = RSA.Create(context.Evidence.RuntimeData.AttestationKey);
            return key.VerifyData(context.Evidence.QuotedBytes.Span, context.Evidence.QuoteSignature.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                ? null
                : Fail("bad_signature", "the key HCLAkPub of the runtime data did not sign the quote");
        }
        catch (CryptographicException)
        {
            return Fail("bad_signature", "HCLAkPub of the runtime data is no key that could have signed");
        }
    }
}

/// <summary>The registers are those that were quoted.</summary>
internal sealed class AzurePcrStep() : VerificationStep<AzureVerification>("tpm_pcrs", "TPM 2.0 Library, part 2, TPMS_QUOTE_INFO")
{
    public override StepFailure? Check(AzureVerification context)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<byte> register in context.Evidence.Registers)
        {
            hash.AppendData(register.Span);
        }

        return context.Evidence.Quote.PcrDigest.Span.SequenceEqual(hash.GetHashAndReset()) ? null : Fail("digest_mismatch", "the registers are not those that the vTPM quoted");
    }
}
