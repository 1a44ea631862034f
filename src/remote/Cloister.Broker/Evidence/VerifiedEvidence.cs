using System.Diagnostics.CodeAnalysis;
using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Verify;
using Cloister.Kbs;
using Cloister.Release;

namespace Cloister.Broker.Evidence;

/// <summary>
/// Evidence that is authentic under some pinned root and covers challenge, key and statement. Verified once, whichever and however many policies appraise
/// it; only <see cref="EvidenceVerification.Appraise"/> says whether it is acceptable.
/// </summary>
public sealed class VerifiedEvidence
{
    internal VerifiedEvidence(VerificationResult result, TeePublicKey key, EnclaveStatement? statement, Expectations expectations)
    {
        Result = result;
        Key = key;
        Statement = statement;
        Expectations = expectations;
    }

    /// <summary>The key that it covers.</summary>
    public TeePublicKey Key { get; }

    /// <summary>What the enclave says about itself; null when it says nothing.</summary>
    public EnclaveStatement? Statement { get; }

    internal VerificationResult Result { get; }

    internal Expectations Expectations { get; }
}

/// <summary>Verified evidence, or the step that failed.</summary>
public sealed class EvidenceReading
{
    private EvidenceReading(VerifiedEvidence? evidence, StepFailure? failure)
    {
        Evidence = evidence;
        Failure = failure;
    }

    /// <summary>Whether it was verified.</summary>
    [MemberNotNullWhen(true, nameof(Evidence))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsVerified => Evidence is not null;

    /// <summary>The evidence; null when a step failed.</summary>
    public VerifiedEvidence? Evidence { get; }

    /// <summary>The step that failed; null when none did.</summary>
    public StepFailure? Failure { get; }

    internal static EvidenceReading Of(VerifiedEvidence evidence) => new(evidence, null);

    internal static EvidenceReading Refused(StepFailure failure) => new(null, failure);
}
