using Cloister.Audit;

namespace Cloister.Broker.State.Audit;

/// <summary>Signs a head, as <see cref="CheckpointSigner.Sign"/> does.</summary>
public delegate AuditCheckpoint AuditSigner(AuditHead head);

/// <summary>
/// An append-only log, one for all brokers of a database (docs/audit-log.md). What is appended goes on from what this broker has seen of the log, or is not
/// written: <see cref="BrokerStateError.AuditConflict"/>. secrets: none may be written.
/// </summary>
public interface IAuditLog
{
    /// <summary>The newest head that this broker knows to be committed; null before the first entry that it wrote or checked.</summary>
    AuditHead? Head { get; }

    /// <summary>Appends an entry.</summary>
    /// <returns>The entry, when it is durable.</returns>
    Task<AuditEntry> AppendAsync(AuditEvent auditEvent, CancellationToken cancellation);

    /// <summary>Checks that the log goes on from what is remembered of it, which counts from now on.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: it does not.</exception>
    Task ContinueAsync(AuditTree remembered, CancellationToken cancellation);

    /// <summary>Takes the log as it is for what it has to be from now on: all of it is read.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: it has gaps.</exception>
    Task<AuditTree> AcceptAsync(CancellationToken cancellation);

    /// <summary>From now on signs a checkpoint whenever so many entries came after the last one. Failing to is tried again later.</summary>
    /// <param name="signer">Signs.</param>
    /// <param name="everyEntries">How many.</param>
    /// <param name="signed">Told each checkpoint that this broker signed, when it is durable; must not block.</param>
    void SignCheckpoints(AuditSigner signer, int everyEntries, Action<AuditCheckpoint, AuditTree>? signed = null);

    /// <summary>Signs a checkpoint of the newest entry now.</summary>
    /// <returns>It, or the one that entry has already; null if the log is empty.</returns>
    Task<AuditCheckpoint?> CheckpointAsync(AuditSigner signer, CancellationToken cancellation);

    /// <summary>Puts cosignatures to a checkpoint.</summary>
    Task CosignAsync(AuditCheckpoint checkpoint, CancellationToken cancellation);

    /// <summary>Proves that the log of one size extends that of a smaller one.</summary>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: entries are missing.</exception>
    Task<IReadOnlyList<byte[]>> ProveAsync(long smaller, long larger, CancellationToken cancellation);

    /// <summary>Deletes the contents of entries from before a time that a checkpoint covers; their hashes stay. At most 10,240 a call, in 256s.</summary>
    /// <param name="before">The time.</param>
    /// <param name="log">What is logged, told the last entry that was pruned.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>How many.</returns>
    Task<int> PruneAuditAsync(DateTimeOffset before, Func<long, AuditEvent> log, CancellationToken cancellation);

    /// <summary>The entries from a number on, in order; without those that were pruned.</summary>
    IAsyncEnumerable<AuditEntry> ReadAuditAsync(long fromSeq, CancellationToken cancellation);

    /// <summary>Entries that are looked for, the newest first. So many entries are looked at, whatever there is: ask again from where it ended.</summary>
    Task<AuditFinding> FindAuditAsync(AuditQuery query, CancellationToken cancellation);

    /// <summary>Exports and drills of recovery shares, the newest first; without those that were pruned.</summary>
    /// <param name="most">At most so many.</param>
    /// <param name="cancellation">Stops waiting.</param>
    Task<IReadOnlyList<AuditEntry>> ListRecoveryActsAsync(int most, CancellationToken cancellation);

    /// <summary>Edge, pruned entries and entries from a number on, in order.</summary>
    IAsyncEnumerable<AuditLine> ExportAuditAsync(long fromSeq, CancellationToken cancellation);

    /// <summary>The newest checkpoint; null: there is none.</summary>
    Task<AuditCheckpoint?> LastCheckpointAsync(CancellationToken cancellation);

    /// <summary>Every checkpoint, in order.</summary>
    Task<IReadOnlyList<AuditCheckpoint>> ListCheckpointsAsync(CancellationToken cancellation);
}
