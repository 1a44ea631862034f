using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>
/// Verifies AWS Nitro attestation documents: that a Nitro hypervisor made it for an enclave, at the time it says. What it says (debug,
/// registers, nonce) is for an appraisal policy.
/// </summary>
public static class NitroVerifier
{
    private static readonly StepSequence<NitroVerification> Sequence = new(
        new NitroDocumentFormatStep(),
        new NitroAlgorithmStep(),
        new NitroPcrStep(),
        new NitroTimestampStep(),
        new NitroCertificateChainStep(),
        new NitroRevocationStep(),
        new NitroSignatureStep());

    /// <summary>Names of the steps, in order.</summary>
    public static IReadOnlyList<string> StepNames { get; } = [.. Sequence.Steps.Select(step => step.Name)];

    /// <summary>Verifies a document as it was received.</summary>
    /// <param name="document">The COSE_Sign1 message, tagged or not.</param>
    /// <param name="anchors">Pinned roots.</param>
    /// <param name="time">When certificates must be valid and from when the document's age is counted.</param>
    /// <param name="revocationLists">Lists of the chain's authorities; null or none: revocation is not looked at.</param>
    /// <param name="limits">How old the document may be; null for <see cref="NitroTimeLimits.Default"/>.</param>
    /// <param name="verified">Remembers signatures of authorities from one verification to the next; null: nothing is remembered.</param>
    public static VerificationResult Verify(
        ReadOnlyMemory<byte> document,
        TrustAnchors anchors,
        VerificationTime time,
        IReadOnlyList<RevocationList>? revocationLists = null,
        NitroTimeLimits? limits = null,
        VerifiedSignatures? verified = null)
    {
        ArgumentNullException.ThrowIfNull(anchors);
        ArgumentNullException.ThrowIfNull(time);
        NitroVerification context = new()
        {
            Evidence = document,
            Anchors = anchors,
            Time = time,
            Limits = limits ?? NitroTimeLimits.Default,
            RevocationLists = revocationLists ?? [],
            Verified = verified,
        };
        return Sequence.Run(context) is { } failure
            ? VerificationResult.NotAuthentic(Tee.Nitro, failure)
            : VerificationResult.Authentic(new NitroClaims(context.Document), context.Chain[^1], context.RevocationLists.Count > 0);
    }
}
