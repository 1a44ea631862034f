using System.Diagnostics.CodeAnalysis;

namespace Cloister.Attestation.Appraise;

/// <summary>A policy's answer.</summary>
public sealed class AppraisalResult
{
    internal AppraisalResult(AppraisedEvidence? evidence, IReadOnlyList<StepFailure> failures, IReadOnlyList<string> waived)
    {
        Evidence = evidence;
        Failures = failures;
        Waived = waived;
    }

    /// <summary>Whether the policy accepts the evidence.</summary>
    [MemberNotNullWhen(true, nameof(Evidence))]
    public bool IsAccepted => Evidence is not null;

    /// <summary>The accepted evidence; null when refused.</summary>
    public AppraisedEvidence? Evidence { get; }

    /// <summary>Every reason to refuse, not only the first; empty when accepted.</summary>
    public IReadOnlyList<StepFailure> Failures { get; }

    /// <summary>Rules that the policy waives by an explicit <c>any</c>: to be shown and logged.</summary>
    public IReadOnlyList<string> Waived { get; }
}
