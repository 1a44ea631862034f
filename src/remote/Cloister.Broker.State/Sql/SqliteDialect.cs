using System.Data;
using System.Data.Common;
using Cloister.Audit;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Cloister.Broker.State.Sql;

/// <summary>A SQLite file: write-ahead log, synced at every commit, readable by its owner only.</summary>
internal sealed class SqliteDialect(string path) : Dialect
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _connectionString =
        new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, DefaultTimeout = 30 }.ToString();

    public override string BytesType => "BLOB";

    public override async Task PrepareAsync(CancellationToken cancellation)
    {
        // SQLite gives its log and index the mode of the file, so the file must have it before SQLite opens it.
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete, UnixCreateMode = OwnerOnly,
        };
        await using (new FileStream(path, options))
            File.SetUnixFileMode(path, OwnerOnly);
        await using DbConnection connection = await ConnectAsync(cancellation);
        string? mode = await connection.ExecuteScalarAsync<string>("PRAGMA journal_mode = WAL");
        if (mode != "wal")
            throw new BrokerStateException(BrokerStateError.Unavailable, "the file system of the SQLite database does not allow a write-ahead log");
    }

    public override async Task<DbConnection> ConnectAsync(CancellationToken cancellation)
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            await connection.OpenAsync(cancellation);
            await connection.ExecuteAsync("PRAGMA busy_timeout = 30000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL");
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    // Immediate: takes the write lock now, so that what the transaction reads stays true until it commits.
    public override (DbTransaction Transaction, Answers Answers) BeginWrite(DbConnection connection, IReadOnlyList<Statement> looks)
    {
        DbTransaction transaction = ((SqliteConnection)connection).BeginTransaction(IsolationLevel.Serializable, deferred: false);
        return (transaction, Execute(connection, transaction, looks));
    }

    public override void InsertAudit(DbConnection connection, DbTransaction transaction, IReadOnlyList<AuditEntry> entries) =>
        connection.Execute($"INSERT INTO AuditEntries ({AuditRow.Columns}) VALUES (@Seq, @Time, @Kind, @Details, @Previous, @Hash)", entries, transaction);

    public override ValueTask DisposeAsync()
    {
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
        return ValueTask.CompletedTask;
    }
}
