using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Leases;

/// <summary>Leases, one for each life of an enclave. secrets: none.</summary>
public interface ILeaseRegistry
{
    /// <summary>
    /// Begins a lease, or renews it: challenge, lease, uses, evidence and log, in one write, or none of them. What may be used is allowed anew.
    /// </summary>
    /// <returns>The lease as stored.</returns>
    /// <exception cref="BrokerStateException">
    /// <see cref="BrokerStateError.Refused"/>: it belongs to another instance, cluster or KEK. <see cref="BrokerStateError.Used"/>: the challenge was used, here or
    /// at another broker. <see cref="BrokerStateError.NotFound"/>: the lease to renew is not there. <see cref="BrokerStateError.Changed"/>: a row that decides was
    /// changed since <see cref="LeaseGrant.AsOf"/>. Nothing was written.
    /// </exception>
    /// <exception cref="ArgumentException">The evidence is longer than 1 MiB, or not of an accepted lease.</exception>
    Task<LeaseRecord> GrantLeaseAsync(LeaseGrant grant, CancellationToken cancellation);

    /// <summary>A lease, expired or not; or null.</summary>
    Task<LeaseRecord?> FindLeaseAsync(string id, CancellationToken cancellation);

    /// <summary>Whether a platform (as leases name it) has or had a lease that is still remembered.</summary>
    Task<bool> HasLeaseOnAsync(string platform, CancellationToken cancellation);

    /// <summary>Every lease, or every one of a cluster, expired or not; the last renewed first.</summary>
    Task<IReadOnlyList<LeaseRecord>> ListLeasesAsync(string? cluster, CancellationToken cancellation);

    /// <summary>A part of the leases, the last renewed first.</summary>
    Task<LeasePage> PageLeasesAsync(LeaseQuery query, CancellationToken cancellation);

    /// <summary>How many leases that end after a time there are of each KEK, cluster, TEE and measurement, in their order.</summary>
    Task<IReadOnlyList<LeaseCount>> CountLeasesAsync(DateTimeOffset endingAfter, CancellationToken cancellation);

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

    /// <summary>Forgets the leases that ended before a time.</summary>
    /// <returns>How many.</returns>
    Task<int> PurgeLeasesAsync(DateTimeOffset endedBefore, CancellationToken cancellation);
}
