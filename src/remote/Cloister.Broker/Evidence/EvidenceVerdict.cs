using System.Diagnostics.CodeAnalysis;
using Cloister.Attestation;

namespace Cloister.Broker.Evidence;

/// <summary>The answer to a piece of evidence.</summary>
public sealed class EvidenceVerdict
{
    private EvidenceVerdict(AttestedEnclave? enclave, IReadOnlyList<StepFailure> failures, IReadOnlyList<string> waived)
    {
        Enclave = enclave;
        Failures = failures;
        Waived = waived;
    }

    /// <summary>Whether it was accepted.</summary>
    [MemberNotNullWhen(true, nameof(Enclave))]
    public bool IsAccepted => Enclave is not null;

    /// <summary>The enclave; null when refused.</summary>
    public AttestedEnclave? Enclave { get; }

    /// <summary>Why it was refused, the first failed step first; empty when accepted.</summary>
    public IReadOnlyList<StepFailure> Failures { get; }

    /// <summary>Rules that the policy waives.</summary>
    public IReadOnlyList<string> Waived { get; }

    internal static EvidenceVerdict Accepted(AttestedEnclave enclave, IReadOnlyList<string> waived) => new(enclave, [], waived);

    /// <summary>A refusal by who asked for the verdict, for a reason that evidence alone does not show.</summary>
    public static EvidenceVerdict Refuse(StepFailure failure) => Refused(failure);

    internal static EvidenceVerdict Refused(params IReadOnlyList<StepFailure> failures) => new(null, failures, []);
}
