using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Cloister.KeyStores.Database;

/// <summary>The database that wrapped keys are in: SQLite or PostgreSQL. Its tables are its own; migrations only go forward.</summary>
internal sealed class KeyDatabase : IAsyncDisposable
{
    // One entry a schema version, in order; entries are added, never changed. {0} is the type of bytes.
    private static readonly string[] Migrations =
    [
        """
        CREATE TABLE kek_material (
            authority TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, generation TEXT NOT NULL, wrapped {0} NOT NULL,
            PRIMARY KEY (authority, name, version, generation))
        """,

        // Everything that a root key wraps, whose foreign key keeps a root key as long as something is wrapped by it.
        """
        CREATE TABLE root_keys (id BIGINT PRIMARY KEY, is_current BOOLEAN NOT NULL, proof {0});
        CREATE TABLE wrapped_keys (
            kind TEXT NOT NULL, name TEXT NOT NULL, root BIGINT NOT NULL REFERENCES root_keys (id), wrapped {0} NOT NULL,
            PRIMARY KEY (kind, name));
        CREATE INDEX wrapped_keys_by_root ON wrapped_keys (root);
        INSERT INTO root_keys (id, is_current) VALUES (1, TRUE);
        INSERT INTO wrapped_keys (kind, name, root, wrapped)
            SELECT 'kek', authority || '/' || name || '/' || CAST(version AS TEXT) || '/' || generation, 1, wrapped FROM kek_material;
        DROP TABLE kek_material
        """,
    ];

    private readonly DbDataSource _source;
    private readonly bool _isPostgres;

    private KeyDatabase(DbDataSource source, bool isPostgres)
    {
        _source = source;
        _isPostgres = isPostgres;
    }

    /// <summary>Opens <c>sqlite:/path</c> or <c>postgres:connection string</c> and brings the table up to date.</summary>
    public static async Task<KeyDatabase> OpenAsync(string address, CancellationToken cancellation)
    {
        KeyDatabase database = Parse(address);
        try
        {
            await database.MigrateAsync(cancellation);
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    public async Task<DbConnection> ConnectAsync(CancellationToken cancellation)
    {
        DbConnection connection = await _source.OpenConnectionAsync(cancellation);
        if (!_isPostgres)
        {
            // FULL: what was committed survives a loss of power. secure_delete: a destroyed KEK's row is overwritten.
            await connection.ExecuteAsync("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000");
        }

        return connection;
    }

    /// <summary>Begins a transaction that no other of this kind overlaps, of any broker.</summary>
    public async Task<DbTransaction> BeginExclusiveAsync(DbConnection connection, CancellationToken cancellation)
    {
        // SQLite begins IMMEDIATE, PostgreSQL takes a lock.
        DbTransaction transaction = await connection.BeginTransactionAsync(cancellation);
        if (_isPostgres)
        {
            await connection.ExecuteAsync("SELECT pg_advisory_xact_lock(4993446717801497)", transaction: transaction);
        }

        return transaction;
    }

    /// <summary>Takes what was replaced or deleted out of the files of the database, as far as the database does.</summary>
    public async Task ScrubAsync(CancellationToken cancellation)
    {
        await using DbConnection connection = await ConnectAsync(cancellation);
        foreach (string statement in _isPostgres ? ["VACUUM FULL wrapped_keys", "VACUUM FULL root_keys"] : new[] { "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)" })
        {
            await connection.ExecuteAsync(new CommandDefinition(statement, cancellationToken: cancellation));
        }
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private static KeyDatabase Parse(string address)
    {
        if (address.StartsWith("postgres:", StringComparison.Ordinal))
        {
            return new KeyDatabase(NpgsqlDataSource.Create(address["postgres:".Length..]), isPostgres: true);
        }

        if (!address.StartsWith("sqlite:/", StringComparison.Ordinal))
        {
            throw new ArgumentException("a key database is sqlite:/path or postgres:connection string", nameof(address));
        }

        string path = address["sqlite:".Length..];
        using (new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            // Only made, so that SQLite does not make it readable by all.
        }

        SqliteConnectionStringBuilder builder = new() { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false };
        return new KeyDatabase(SqliteFactory.Instance.CreateDataSource(builder.ToString()), isPostgres: false);
    }

    private async Task MigrateAsync(CancellationToken cancellation)
    {
        await using DbConnection connection = await ConnectAsync(cancellation);

        // Of several brokers that start at once, one migrates.
        await using DbTransaction transaction = await BeginExclusiveAsync(connection, cancellation);
        await connection.ExecuteAsync("CREATE TABLE IF NOT EXISTS kek_material_schema (version BIGINT NOT NULL)", transaction: transaction);
        long version = await connection.ExecuteScalarAsync<long?>("SELECT max(version) FROM kek_material_schema", transaction: transaction) ?? 0;
        if (version > Migrations.Length)
        {
            throw new KeyStoreException(KeyStoreFailure.Denied, $"the key database has schema version {version}, this program knows up to {Migrations.Length}");
        }

        for (long next = version + 1; next <= Migrations.Length; next++)
        {
            string migration = Migrations[next - 1].Replace("{0}", _isPostgres ? "BYTEA" : "BLOB", StringComparison.Ordinal);
            await connection.ExecuteAsync(migration, transaction: transaction);
            await connection.ExecuteAsync("INSERT INTO kek_material_schema (version) VALUES (@next)", new { next }, transaction);
        }

        await transaction.CommitAsync(cancellation);
    }
}
