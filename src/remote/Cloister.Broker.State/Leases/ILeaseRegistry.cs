namespace Cloister.Broker.State.Leases;

/// <summary>Leases, one for each life of an enclave. secrets: none.</summary>
public interface ILeaseRegistry
{
    /// <summary>
    /// Begins a lease, or renews it: of one that exists, FirstAt, Wraps and Unwraps stay, and Renewals is one more, whatever the record says.
    /// </summary>
    /// <returns>The lease as stored.</returns>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.Refused"/>: it belongs to another instance, cluster or KEK.</exception>
    Task<LeaseRecord> UpsertLeaseAsync(LeaseRecord lease, CancellationToken cancellation);

    /// <summary>A lease, expired or not; or null.</summary>
    Task<LeaseRecord?> FindLeaseAsync(string id, CancellationToken cancellation);

    /// <summary>Every lease, or every one of a cluster, expired or not; the last renewed first.</summary>
    Task<IReadOnlyList<LeaseRecord>> ListLeasesAsync(string? cluster, CancellationToken cancellation);

    /// <summary>Counts uses under a lease. An unknown lease is no error.</summary>
    Task AddUsesAsync(string id, long wraps, long unwraps, CancellationToken cancellation);

    /// <summary>Forgets the leases that ended before a time.</summary>
    /// <returns>How many.</returns>
    Task<int> PurgeLeasesAsync(DateTimeOffset endedBefore, CancellationToken cancellation);
}
