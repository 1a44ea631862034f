using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Collateral;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Policies;
using Cloister.Broker.State.Requests;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sessions;

namespace Cloister.Broker.State;

/// <summary>
/// The durable state of a broker, shared by all brokers on one database. What a caller awaits is durable when the await returns.
/// Rows that decide who gets a KEK (policies, KEKs, revocations, requests, floors of collateral) are authenticated: one that no broker made is an error of what needs it alone.
/// Thread-safe. Times are kept in whole milliseconds, UTC. Every member throws <see cref="BrokerStateException"/>.
/// secrets: settings may be wrapped keys; nothing here is a key in clear.
/// </summary>
public interface IBrokerState : ISettings, IKekRegistry, IPolicyRegistry, ISessionRegistry, ILeaseRegistry, IRevocationRegistry, IRequestRegistry, IAdministratorKeys, IAuditLog, IEvidenceArchive, ITcbFloors, IAsyncDisposable
{
    /// <summary>Asks whether the database answers, and has the audit log that it had.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.Unavailable"/> or <see cref="BrokerStateError.AuditConflict"/>.</exception>
    Task CheckAsync(CancellationToken cancellation);

    /// <summary>
    /// The newest change of a row that decides, as far as it is known. What is read as of it and was read before asks the database nothing; whether it still
    /// is the newest is for the write to say that rests on it (<see cref="LeaseGrant.AsOf"/>).
    /// </summary>
    RowHead? RowHead { get; }

    /// <summary>The newest change, as of now. The same object as long as there is no other.</summary>
    Task<RowHead> LookAsync(CancellationToken cancellation);

    /// <summary>Looks at every row that decides. What is not authentic is reported, and in the audit log when it is more or less than before.</summary>
    /// <returns>How many are not.</returns>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NotAuthentic"/>: the chain of changes itself is not.</exception>
    Task<int> CheckRowsAsync(CancellationToken cancellation);
}
