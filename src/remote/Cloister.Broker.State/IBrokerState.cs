using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Policies;
using Cloister.Broker.State.Requests;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Sessions;

namespace Cloister.Broker.State;

/// <summary>
/// The durable state of a broker, shared by all brokers on one database. What a caller awaits is durable when the await returns.
/// Thread-safe. Times are kept in whole milliseconds, UTC. Every member throws <see cref="BrokerStateException"/>.
/// secrets: settings may be wrapped keys; nothing here is a key in clear.
/// </summary>
public interface IBrokerState : ISettings, IKekRegistry, IPolicyRegistry, ISessionRegistry, ILeaseRegistry, IRevocationRegistry, IRequestRegistry, IAuditLog, IEvidenceArchive, IAsyncDisposable
{
    /// <summary>Asks whether the database answers, and has the audit log that it had.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.Unavailable"/> or <see cref="BrokerStateError.AuditConflict"/>.</exception>
    Task CheckAsync(CancellationToken cancellation);
}
