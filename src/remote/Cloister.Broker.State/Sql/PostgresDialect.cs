using System.Data;
using System.Data.Common;
using Cloister.Audit;
using Npgsql;

namespace Cloister.Broker.State.Sql;

/// <summary>A PostgreSQL database. secrets: the connection string may hold a password, which stays in the data source.</summary>
internal sealed class PostgresDialect : Dialect
{
    private const long WriterLock = 0x436c6f6973746572;
    private const int MostPrepared = 64;

    private readonly NpgsqlDataSource _source;

    public PostgresDialect(string connectionString)
    {
        try
        {
            // What is said again and again is prepared, unless the address says how much of it is: 0 for a pooler that cannot.
            NpgsqlConnectionStringBuilder address = new(connectionString);
            if (!new DbConnectionStringBuilder { ConnectionString = connectionString }.Keys.Cast<string>().Any(IsAutoPrepare))
                address.MaxAutoPrepare = MostPrepared;
            address.NoResetOnClose = true; // nothing is set on a connection that outlives a transaction
            _source = NpgsqlDataSource.Create(address);
        }
        catch (ArgumentException)
        {
            throw new BrokerStateException(BrokerStateError.BadAddress, "the connection string is not one of Npgsql");
        }
    }

    public override string BytesType => "BYTEA";

    public override Task PrepareAsync(CancellationToken cancellation) => Task.CompletedTask;

    public override async Task<DbConnection> ConnectAsync(CancellationToken cancellation) => await _source.OpenConnectionAsync(cancellation);

    // Read committed: every statement after the one that got the lock sees what earlier writers committed. A server that was told not
    // to wait for its log is told to here. A broker that freezes in a transaction is cut off after 10 s, so that others can go on.
    public override (DbTransaction Transaction, Answers Answers) BeginWrite(DbConnection connection, IReadOnlyList<Statement> looks)
    {
        DbTransaction transaction = connection.BeginTransaction(IsolationLevel.ReadCommitted);
        Answers answers = Execute(
            connection, transaction,
            [
                new("SET LOCAL synchronous_commit TO on", false), new("SET LOCAL idle_in_transaction_session_timeout TO 10000", false),
                new($"SELECT CAST(1 AS BIGINT) FROM pg_advisory_xact_lock({WriterLock})", true), .. looks,
            ]);
        try
        {
            answers.Number();
            return (transaction, answers);
        }
        catch
        {
            answers.Dispose();
            transaction.Dispose();
            throw;
        }
    }

    public override Answers Execute(DbConnection connection, DbTransaction transaction, IReadOnlyList<Statement> statements)
    {
        NpgsqlBatch batch = new((NpgsqlConnection)connection, (NpgsqlTransaction)transaction);
        foreach (Statement statement in statements)
        {
            NpgsqlBatchCommand command = new(statement.Sql);
            foreach ((string name, object? value) in statement.Parameters)
                command.Parameters.Add(new NpgsqlParameter(name, value ?? DBNull.Value));
            batch.BatchCommands.Add(command);
        }
        return new BatchAnswers(batch);
    }

    public override void InsertAudit(DbConnection connection, DbTransaction transaction, IReadOnlyList<AuditEntry> entries)
    {
        using NpgsqlBatch batch = new((NpgsqlConnection)connection, (NpgsqlTransaction)transaction);
        batch.BatchCommands.Add(Insert(entries));
        batch.ExecuteNonQuery();
    }

    // In one round trip. What the server says no to is not made: the transaction is over, or it ends with its connection.
    public override void Commit(DbConnection connection, DbTransaction transaction, IReadOnlyList<AuditEntry> entries, Action open)
    {
        using NpgsqlBatch batch = new((NpgsqlConnection)connection, (NpgsqlTransaction)transaction);
        if (entries.Count > 0)
            batch.BatchCommands.Add(Insert(entries));
        batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        try
        {
            batch.ExecuteNonQuery();
        }
        catch (Exception e) when (e is not PostgresException)
        {
            open();
            throw;
        }
    }

    public override ValueTask DisposeAsync() => _source.DisposeAsync();

    private static NpgsqlBatchCommand Insert(IReadOnlyList<AuditEntry> entries)
    {
        NpgsqlBatchCommand insert = new($"INSERT INTO AuditEntries ({AuditRow.Columns}) SELECT * FROM unnest($1, $2, $3, $4, $5, $6)");
        insert.Parameters.Add(new() { Value = entries.Select(entry => entry.Seq).ToArray() });
        insert.Parameters.Add(new() { Value = entries.Select(entry => entry.Time).ToArray() });
        insert.Parameters.Add(new() { Value = entries.Select(entry => entry.Kind).ToArray() });
        insert.Parameters.Add(new() { Value = entries.Select(entry => entry.Details).ToArray() });
        insert.Parameters.Add(new() { Value = entries.Select(entry => entry.Previous).ToArray() });
        insert.Parameters.Add(new() { Value = entries.Select(entry => entry.Hash).ToArray() });
        return insert;
    }

    private static bool IsAutoPrepare(string keyword) => keyword.Replace(" ", "", StringComparison.Ordinal).Equals("maxautoprepare", StringComparison.OrdinalIgnoreCase);
}
