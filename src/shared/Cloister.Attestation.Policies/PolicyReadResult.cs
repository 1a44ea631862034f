using System.Diagnostics.CodeAnalysis;
using Cloister.Attestation.Appraise;

namespace Cloister.Attestation.Policies;

/// <summary>A policy, or everything that is wrong with its text.</summary>
public sealed class PolicyReadResult
{
    internal PolicyReadResult(AppraisalPolicy? policy, IReadOnlyList<PolicyError> errors)
    {
        Policy = policy;
        Errors = errors;
    }

    /// <summary>The policy; null when there are errors.</summary>
    public AppraisalPolicy? Policy { get; }

    /// <summary>All errors, in the order of the text.</summary>
    public IReadOnlyList<PolicyError> Errors { get; }

    /// <summary>Whether the text is a policy.</summary>
    [MemberNotNullWhen(true, nameof(Policy))]
    public bool IsValid => Policy is not null;
}
