using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Requests;

/// <summary>
/// Acts that wait for a second administrator. What has expired is not there. What <c>log</c> returns is in the audit log in the transaction of the
/// change. secrets: none.
/// </summary>
public interface IRequestRegistry
{
    /// <summary>Keeps a request, and forgets those that have expired.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.Refused"/>: too many wait already.</exception>
    Task AddRequestAsync(PendingAct request, CancellationToken cancellation, Func<int, AuditEvent>? log = null);

    /// <summary>A request, or null.</summary>
    Task<PendingAct?> FindRequestAsync(string id, CancellationToken cancellation);

    /// <summary>Withdraws a request. One that is approved goes with the act (<see cref="AuditEvent.Approval"/>). Of several who try, one succeeds.</summary>
    /// <returns>Whether this call removed it.</returns>
    Task<bool> TakeRequestAsync(string id, CancellationToken cancellation, Func<bool, AuditEvent?>? log = null);

    /// <summary>Every request, the oldest first.</summary>
    Task<IReadOnlyList<PendingAct>> ListRequestsAsync(CancellationToken cancellation);
}
