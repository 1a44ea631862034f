using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.State.Revocations;

/// <summary>What must not be served any more. secrets: none.</summary>
public interface IRevocationRegistry
{
    /// <summary>Revokes. What is revoked already stays as it was.</summary>
    /// <returns>Whether this call revoked it; <c>log</c> is told the same, and what it returns is in the audit log in the same transaction.</returns>
    Task<bool> RevokeAsync(RevocationKind kind, string value, string reason, string by, CancellationToken cancellation, Func<bool, AuditEvent>? log = null);

    /// <summary>Takes a revocation back.</summary>
    /// <returns>Whether there was one; <c>log</c> is told which, and what it returns is in the audit log in the same transaction.</returns>
    Task<bool> UnrevokeAsync(RevocationKind kind, string value, CancellationToken cancellation, Func<Revocation?, AuditEvent>? log = null);

    /// <summary>Everything that is revoked, by kind and value.</summary>
    Task<IReadOnlyList<Revocation>> ListRevocationsAsync(CancellationToken cancellation);

    /// <summary>Greater after each change of the list; cheap to ask. Ask for it before the list, not after.</summary>
    Task<long> RevocationRevisionAsync(CancellationToken cancellation, RowHead? asOf = null);
}
