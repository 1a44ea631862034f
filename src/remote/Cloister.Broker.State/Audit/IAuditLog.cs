using Cloister.Audit;

namespace Cloister.Broker.State.Audit;

/// <summary>An append-only log, one chain for all brokers of a database. secrets: none may be written.</summary>
public interface IAuditLog
{
    /// <summary>Appends an entry.</summary>
    /// <returns>The entry, when it is durable.</returns>
    Task<AuditEntry> AppendAsync(AuditEvent auditEvent, CancellationToken cancellation);

    /// <summary>From now on signs a checkpoint whenever so many entries came after the last one. Failing to is tried again later.</summary>
    void SignCheckpoints(AuditSigner signer, int everyEntries);

    /// <summary>Signs a checkpoint of the newest entry now.</summary>
    /// <returns>It, or the one that entry has already; null if the log is empty.</returns>
    Task<AuditCheckpoint?> CheckpointAsync(AuditSigner signer, CancellationToken cancellation);

    /// <summary>The entries from a number on, in order.</summary>
    IAsyncEnumerable<AuditEntry> ReadAuditAsync(long fromSeq, CancellationToken cancellation);

    /// <summary>Every checkpoint, in order.</summary>
    Task<IReadOnlyList<AuditCheckpoint>> ListCheckpointsAsync(CancellationToken cancellation);
}
