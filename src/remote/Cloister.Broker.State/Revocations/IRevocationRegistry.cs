namespace Cloister.Broker.State.Revocations;

/// <summary>What must not be served any more. secrets: none.</summary>
public interface IRevocationRegistry
{
    /// <summary>Revokes. What is revoked already stays as it was.</summary>
    /// <returns>Whether this call revoked it.</returns>
    Task<bool> RevokeAsync(RevocationKind kind, string value, string reason, string by, CancellationToken cancellation);

    /// <summary>Takes a revocation back.</summary>
    /// <returns>Whether there was one.</returns>
    Task<bool> UnrevokeAsync(RevocationKind kind, string value, CancellationToken cancellation);

    /// <summary>Everything that is revoked, by kind and value.</summary>
    Task<IReadOnlyList<Revocation>> ListRevocationsAsync(CancellationToken cancellation);

    /// <summary>Greater after each change of the list; cheap to ask. Ask for it before the list, not after.</summary>
    Task<long> RevocationRevisionAsync(CancellationToken cancellation);
}
