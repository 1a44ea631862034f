using System.Data.Common;
using Cloister.Audit;

namespace Cloister.Broker.State.Sql;

/// <summary>What differs between the databases. Writes of all brokers on one database are made one transaction at a time. secrets: none.</summary>
internal abstract class Dialect : IAsyncDisposable
{
    /// <summary>The column type for octets.</summary>
    public abstract string BytesType { get; }

    public static Dialect For(DatabaseAddress address) => address.IsSqlite ? new SqliteDialect(address.Target) : new PostgresDialect(address.Target);

    /// <summary>Prepares the database itself, once at start.</summary>
    public abstract Task PrepareAsync(CancellationToken cancellation);

    /// <summary>An open connection; disposing of it gives it back to a pool.</summary>
    public abstract Task<DbConnection> ConnectAsync(CancellationToken cancellation);

    /// <summary>Begins a transaction when no other writer has one.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="looks">What is asked at once, as of then.</param>
    /// <returns>The transaction, and the answers, of which one has to dispose before anything else is asked.</returns>
    public abstract (DbTransaction Transaction, Answers Answers) BeginWrite(DbConnection connection, IReadOnlyList<Statement> looks);

    /// <summary>Executes statements. Their answers are read in order.</summary>
    public virtual Answers Execute(DbConnection connection, DbTransaction transaction, IReadOnlyList<Statement> statements) => new SingleAnswers(connection, transaction, statements);

    /// <summary>Writes entries of the audit log, all in one go.</summary>
    public abstract void InsertAudit(DbConnection connection, DbTransaction transaction, IReadOnlyList<AuditEntry> entries);

    /// <summary>Writes the last entries of a transaction, if there are any, and makes it durable.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="transaction">The transaction.</param>
    /// <param name="entries">Of the audit log.</param>
    /// <param name="open">Called when a failure that follows leaves it open whether the transaction was made.</param>
    public virtual void Commit(DbConnection connection, DbTransaction transaction, IReadOnlyList<AuditEntry> entries, Action open)
    {
        if (entries.Count > 0)
            InsertAudit(connection, transaction, entries);
        open();
        transaction.Commit();
    }

    public abstract ValueTask DisposeAsync();
}
