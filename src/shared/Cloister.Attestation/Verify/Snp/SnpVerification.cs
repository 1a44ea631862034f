using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>What the steps of one verification share: the inputs, then what the steps found. A step reads only what an earlier one set.</summary>
internal sealed class SnpVerification
{
    public required Func<SnpEvidence> ReadEvidence { get; init; }

    public required SnpCollateral Collateral { get; init; }

    public required TrustAnchors Anchors { get; init; }

    public required VerificationTime Time { get; init; }

    public VerifiedSignatures? Verified { get; init; }

    /// <summary>Set by <see cref="SnpEvidenceFormatStep"/>.</summary>
    public SnpEvidence Evidence { get; set; } = null!;

    public SnpReport Report => Evidence.Report;

    /// <summary>Set by <see cref="SnpEndorsementKeyStep"/>: the certificate of the key that is to have signed the report.</summary>
    public Certificate EndorsementKey { get; set; } = null!;

    /// <summary>Set by <see cref="SnpEndorsementKeyStep"/>.</summary>
    public SnpVekExtensions Extensions { get; set; } = null!;

    /// <summary>Set by <see cref="SnpProductStep"/>.</summary>
    public SnpProductLine Product { get; set; }

    /// <summary>Set by <see cref="SnpCertificateChainStep"/>: ASK or ASVK.</summary>
    public Certificate Issuer { get; set; } = null!;

    /// <summary>Set by <see cref="SnpCertificateChainStep"/>: the pinned ARK.</summary>
    public Certificate Root { get; set; } = null!;
}
