using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Attestation.Azure;

/// <summary>
/// Verifies evidence of Azure's confidential VMs, link by link: the hardware's report as without a paravisor, then the runtime data under its report data, then the
/// vTPM's quote by the key in the runtime data, then the registers. What the quote was made for (its qualifying data) and what the registers are is for the relying party and its policy.
/// </summary>
public static class AzureVerifier
{
    private const string FormatStep = "evidence_format";

    private static readonly StepSequence<AzureVerification> Sequence = new(
        new AzureHardwareReportStep(), new AzureRuntimeDataStep(), new AzureParavisorStep(), new AzureQuoteSignatureStep(), new AzurePcrStep(), new AzureUserDataStep());

    /// <summary>Names of the steps behind those of the hardware's verification, in order.</summary>
    public static IReadOnlyList<string> StepNames { get; } = [.. Sequence.Steps.Select(step => step.Name)];

    /// <summary>Verifies evidence of SEV-SNP hardware as it was received.</summary>
    /// <param name="evidence">The JSON.</param>
    /// <param name="collateral">Endorsements; what is left out is taken from the evidence.</param>
    /// <param name="anchors">Pinned ARKs.</param>
    /// <param name="time">When certificates and lists must be valid.</param>
    public static VerificationResult VerifySnp(ReadOnlyMemory<byte> evidence, SnpCollateral collateral, TrustAnchors anchors, VerificationTime time)
    {
        ArgumentNullException.ThrowIfNull(collateral);
        return Read(Tee.AzureSnp, evidence, out StepFailure? failure) is not { } read
            ? VerificationResult.NotAuthentic(Tee.AzureSnp, failure!)
            : Conclude(read, VerifyReport(read, collateral, anchors, time));
    }

    /// <summary>Verifies evidence of TDX hardware as it was received.</summary>
    /// <param name="evidence">The JSON.</param>
    /// <param name="collateral">As fetched.</param>
    /// <param name="anchors">Pinned roots.</param>
    /// <param name="time">When everything must be valid.</param>
    public static VerificationResult VerifyTdx(ReadOnlyMemory<byte> evidence, DcapCollateral collateral, TrustAnchors anchors, VerificationTime time) =>
        Read(Tee.AzureTdx, evidence, out StepFailure? failure) is not { } read
            ? VerificationResult.NotAuthentic(Tee.AzureTdx, failure!)
            : Conclude(read, DcapVerifier.Verify(Tee.Tdx, read.TdQuote, collateral, anchors, time));

    /// <summary>The verdict of the hardware's verifier on the report inside, which <see cref="Conclude"/> takes. SEV-SNP only.</summary>
    /// <param name="evidence">The evidence.</param>
    /// <param name="collateral">Endorsements; what is left out is taken from the evidence.</param>
    /// <param name="anchors">Pinned ARKs.</param>
    /// <param name="time">When certificates and lists must be valid.</param>
    public static VerificationResult VerifyReport(AzureEvidence evidence, SnpCollateral collateral, TrustAnchors anchors, VerificationTime time)
    {
        ArgumentNullException.ThrowIfNull(evidence);
        ArgumentNullException.ThrowIfNull(collateral);
        SnpCollateral all = new()
        {
            EndorsementKeys = collateral.EndorsementKeys.Count > 0 ? collateral.EndorsementKeys : evidence.Endorsements.EndorsementKeys,
            Authorities = collateral.Authorities.Count > 0 ? collateral.Authorities : evidence.Endorsements.Authorities,
            RevocationLists = collateral.RevocationLists,
        };
        return SnpVerifier.Verify(evidence.Hcl.HardwareReport, all, anchors, time);
    }

    /// <summary>
    /// What can be checked before anybody is asked for collateral: that quote, runtime data and the report inside go together. It is no verification: a report that nobody signed
    /// goes together with a key of anybody's. Null: all of it holds.
    /// </summary>
    /// <param name="evidence">The evidence.</param>
    public static StepFailure? CheckQuote(AzureEvidence evidence)
    {
        ArgumentNullException.ThrowIfNull(evidence);
        return Sequence.Run(new AzureVerification(evidence, Hardware: null));
    }

    /// <summary>The verdict, given the hardware's: every link from the verified report on is checked here.</summary>
    /// <param name="evidence">The evidence.</param>
    /// <param name="hardware">The verdict on the SNP report in it, or on its TD quote. One on anything else is refused.</param>
    public static VerificationResult Conclude(AzureEvidence evidence, VerificationResult hardware)
    {
        ArgumentNullException.ThrowIfNull(evidence);
        ArgumentNullException.ThrowIfNull(hardware);
        return !hardware.IsAuthentic ? VerificationResult.NotAuthentic(evidence.Tee, hardware.Failure)
            : Sequence.Run(new AzureVerification(evidence, hardware.UnappraisedClaims)) is { } failure ? VerificationResult.NotAuthentic(evidence.Tee, failure)
            : VerificationResult.Authentic(new AzureClaims(evidence, hardware.UnappraisedClaims), hardware.Root!, hardware.RevocationChecked);
    }

    private static AzureEvidence? Read(Tee tee, ReadOnlyMemory<byte> evidence, out StepFailure? failure)
    {
        try
        {
            failure = null;
            return AzureEvidence.Parse(tee, evidence);
        }
        catch (EvidenceFormatException e)
        {
            failure = e.ToFailure(FormatStep);
            return null;
        }
    }
}
