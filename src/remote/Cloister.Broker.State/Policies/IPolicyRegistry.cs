using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.State.Policies;

/// <summary>Policies, with every version they ever had. The texts are not checked here. secrets: none.</summary>
public interface IPolicyRegistry
{
    /// <summary>Sets a policy. The text it has already makes no new version.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="yaml">Its text.</param>
    /// <param name="by">Who sets it.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="log">What the audit log says of it, in the same transaction; null: nothing. May be called more than once.</param>
    /// <returns>The version in force.</returns>
    Task<PolicyRecord> SetPolicyAsync(string name, string yaml, string by, CancellationToken cancellation, Func<PolicyChange, AuditEvent>? log = null);

    /// <summary>The version in force, or null.</summary>
    Task<PolicyRecord?> FindPolicyAsync(string name, CancellationToken cancellation, RowHead? asOf = null);

    /// <summary>Every version of a policy, oldest first; empty if there is no such policy.</summary>
    Task<IReadOnlyList<PolicyRecord>> ListPolicyVersionsAsync(string name, CancellationToken cancellation);

    /// <summary>The version in force of every policy, by name.</summary>
    Task<IReadOnlyList<PolicyRecord>> ListPoliciesAsync(CancellationToken cancellation);
}
