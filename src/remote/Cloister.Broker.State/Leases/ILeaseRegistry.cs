using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Leases;

/// <summary>Leases, one for each life of an enclave. secrets: none.</summary>
public interface ILeaseRegistry
{
    /// <summary>
    /// Begins a lease, or renews it; what may be used is allowed anew. Of one that exists, FirstAt, Wraps and Unwraps stay, and Renewals is one more, whatever the record says.
    /// </summary>
    /// <returns>The lease as stored.</returns>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.Refused"/>: it belongs to another instance, cluster or KEK.</exception>
    Task<LeaseRecord> UpsertLeaseAsync(LeaseRecord lease, CancellationToken cancellation);

    /// <summary>A lease, expired or not; or null.</summary>
    Task<LeaseRecord?> FindLeaseAsync(string id, CancellationToken cancellation);

    /// <summary>Every lease, or every one of a cluster, expired or not; the last renewed first.</summary>
    Task<IReadOnlyList<LeaseRecord>> ListLeasesAsync(string? cluster, CancellationToken cancellation);

    /// <summary>
    /// Counts uses that a broker makes under a lease, and logs them, in one write: all of them or, when fewer are left until its renewal, none.
    /// Over all brokers no more are allowed than the lease says.
    /// </summary>
    /// <param name="id">The lease.</param>
    /// <param name="wraps">Items wrapped.</param>
    /// <param name="unwraps">Items unwrapped.</param>
    /// <param name="use">What is logged when they are allowed.</param>
    /// <param name="refusal">What is logged when they are not.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>Whether they are allowed; not under an unknown lease.</returns>
    Task<bool> TryUseAsync(string id, long wraps, long unwraps, AuditEvent use, AuditEvent refusal, CancellationToken cancellation);

    /// <summary>Counts uses that an enclave made under a lease. An unknown lease is no error.</summary>
    Task AddUsesAsync(string id, long wraps, long unwraps, CancellationToken cancellation);

    /// <summary>Forgets the leases that ended before a time.</summary>
    /// <returns>How many.</returns>
    Task<int> PurgeLeasesAsync(DateTimeOffset endedBefore, CancellationToken cancellation);
}
