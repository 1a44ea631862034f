using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// Verifies AMD SEV-SNP evidence: that an AMD processor of a known product line, with the TCB it reports, made the report. What the
/// report says (debug, VMPL, measurement, minimum TCB) is for an appraisal policy.
/// </summary>
public static class SnpVerifier
{
    private static readonly StepSequence<SnpVerification> Sequence = new(
        new SnpEvidenceFormatStep(),
        new SnpSignatureAlgorithmStep(),
        new SnpEndorsementKeyStep(),
        new SnpProductStep(),
        new SnpCertificateChainStep(),
        new SnpRevocationStep(),
        new SnpReportSignatureStep(),
        new SnpTcbStep(),
        new SnpChipIdStep(),
        new SnpRuntimeDataStep());

    /// <summary>Names of the steps, in order.</summary>
    public static IReadOnlyList<string> StepNames { get; } = [.. Sequence.Steps.Select(step => step.Name)];

    /// <summary>Verifies evidence as it was received, in any form that <see cref="SnpEvidence.Parse(ReadOnlyMemory{byte})"/> reads.</summary>
    /// <param name="evidence">The evidence.</param>
    /// <param name="collateral">Endorsements; what is left out is taken from the evidence.</param>
    /// <param name="anchors">Pinned ARKs.</param>
    /// <param name="time">When certificates and lists must be valid.</param>
    /// <param name="verified">Remembers signatures of authorities from one verification to the next; null: nothing is remembered.</param>
    public static VerificationResult Verify(
        ReadOnlyMemory<byte> evidence, SnpCollateral collateral, TrustAnchors anchors, VerificationTime time, VerifiedSignatures? verified = null) =>
        Run(() => SnpEvidence.Parse(evidence), collateral, anchors, time, verified);

    /// <summary>Verifies a report and the certificate table that came beside it (configfs-tsm's <c>outblob</c> and <c>auxblob</c>).</summary>
    /// <param name="report">The report.</param>
    /// <param name="certificateTable">The host's certificate table; may be empty.</param>
    /// <param name="collateral">Endorsements; what is left out is taken from the table.</param>
    /// <param name="anchors">Pinned ARKs.</param>
    /// <param name="time">When certificates and lists must be valid.</param>
    public static VerificationResult Verify(
        ReadOnlyMemory<byte> report, ReadOnlyMemory<byte> certificateTable, SnpCollateral collateral, TrustAnchors anchors, VerificationTime time) =>
        Run(() => SnpEvidence.Parse(report, certificateTable), collateral, anchors, time, verified: null);

    private static VerificationResult Run(
        Func<SnpEvidence> readEvidence, SnpCollateral collateral, TrustAnchors anchors, VerificationTime time, VerifiedSignatures? verified)
    {
        ArgumentNullException.ThrowIfNull(collateral);
        ArgumentNullException.ThrowIfNull(anchors);
        ArgumentNullException.ThrowIfNull(time);
        SnpVerification context = new()
        {
            ReadEvidence = readEvidence,
            Collateral = collateral,
            Anchors = anchors,
            Time = time,
            Verified = verified,
        };
        return Sequence.Run(context) is { } failure
            ? VerificationResult.NotAuthentic(Tee.Snp, failure)
            : VerificationResult.Authentic(
                new SnpClaims(context.Report, context.Product, context.Extensions.CspId, context.Evidence.RuntimeData), context.Root, context.Collateral.RevocationLists.Count > 0);
    }
}
