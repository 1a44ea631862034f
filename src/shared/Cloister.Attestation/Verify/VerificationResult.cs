using System.Diagnostics.CodeAnalysis;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Verify;

/// <summary>
/// Whether evidence is authentic. It is no statement of trust and has no member that reads like one: whoever wants to rely on the evidence gives this result and a policy to
/// <see cref="Appraise.Appraiser"/> and gets <see cref="Appraise.AppraisedEvidence"/> or a refusal.
/// </summary>
public sealed class VerificationResult
{
    private VerificationResult(Tee tee, EvidenceClaims? claims, StepFailure? failure)
    {
        Tee = tee;
        UnappraisedClaims = claims;
        Failure = failure;
    }

    /// <summary>The pinned root that the evidence chains to; null when not authentic.</summary>
    public Certificate? Root { get; private init; }

    /// <summary>
    /// Whether the vendor's revocation lists were looked at. Always for SGX and TDX; SEV-SNP and Nitro evidence is verified without lists where nobody gives any,
    /// and who relies on it should say so.
    /// </summary>
    public bool RevocationChecked { get; private init; }

    /// <summary>Which kind of evidence was looked at.</summary>
    public Tee Tee { get; }

    /// <summary>Whether every step held.</summary>
    [MemberNotNullWhen(true, nameof(UnappraisedClaims))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsAuthentic => Failure is null;

    /// <summary>The step that did not hold; null when authentic.</summary>
    public StepFailure? Failure { get; }

    /// <summary>What the authentic evidence says, not yet held against any policy; null when not authentic.</summary>
    public EvidenceClaims? UnappraisedClaims { get; }

    /// <summary>Every step held. Only verifiers of this library call it.</summary>
    internal static VerificationResult Authentic(EvidenceClaims claims, Certificate root, bool revocationChecked) =>
        new(claims.Tee, claims, null) { Root = root, RevocationChecked = revocationChecked };

    /// <summary>A step did not hold. Anyone may say no.</summary>
    public static VerificationResult NotAuthentic(Tee tee, StepFailure failure) => new(tee, null, failure);
}
