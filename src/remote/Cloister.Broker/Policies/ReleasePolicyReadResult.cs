using System.Diagnostics.CodeAnalysis;
using Cloister.Attestation.Policies;

namespace Cloister.Broker.Policies;

/// <summary>A policy, or everything that is wrong with its text.</summary>
/// <param name="Policy">The policy; null when there are errors.</param>
/// <param name="Errors">All errors, in the order of the text.</param>
public sealed record ReleasePolicyReadResult(ReleasePolicy? Policy, IReadOnlyList<PolicyError> Errors)
{
    /// <summary>Whether the text is a policy.</summary>
    [MemberNotNullWhen(true, nameof(Policy))]
    public bool IsValid => Policy is not null;
}
