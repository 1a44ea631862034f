using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sessions;

namespace Cloister.Broker.State.Leases;

/// <summary>A lease to begin or to renew, with all that is kept of it. secrets: the session id of the challenge.</summary>
/// <param name="Lease">The lease. Of one that exists, FirstAt, Wraps and Unwraps stay, and Renewals is one more, whatever is said here.</param>
public sealed record LeaseGrant(LeaseRecord Lease)
{
    /// <summary>Whether the lease has to be there already.</summary>
    public bool Renews { get; init; }

    /// <summary>The newest change of a row when it was decided; null: it rests on none.</summary>
    public RowHead? AsOf { get; init; }

    /// <summary>The challenge that is used up for it; null: none.</summary>
    public ChallengeUse? Challenge { get; init; }

    /// <summary>Encryptions and decryptions that the enclave made since the last renewal; counted when there is a lease to renew.</summary>
    public (long Wraps, long Unwraps) Uses { get; init; }

    /// <summary>The evidence it is given for, and how much is kept; null: none.</summary>
    public (EvidenceRecord Record, EvidenceLimits Limits)? Evidence { get; init; }

    /// <summary>What is logged after the challenge's use, told the lease as it is stored.</summary>
    public Func<LeaseRecord, IReadOnlyList<AuditEvent>> Log { get; init; } = _ => [];
}
