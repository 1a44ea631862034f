using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Evidence;

namespace Cloister.Broker.State.Leases;

/// <summary>A lease to begin or to renew, with all that is kept of it. secrets: none.</summary>
/// <param name="Lease">The lease. Of one that exists, FirstAt, Wraps and Unwraps stay, and Renewals is one more, whatever is said here.</param>
public sealed record LeaseGrant(LeaseRecord Lease)
{
    /// <summary>Encryptions and decryptions that the enclave made since the last renewal; counted when there is a lease to renew.</summary>
    public (long Wraps, long Unwraps) Uses { get; init; }

    /// <summary>The evidence it is given for, and how much is kept; null: none.</summary>
    public (EvidenceRecord Record, EvidenceLimits Limits)? Evidence { get; init; }

    /// <summary>What is logged, told the lease as it is stored.</summary>
    public Func<LeaseRecord, IReadOnlyList<AuditEvent>> Log { get; init; } = _ => [];
}
