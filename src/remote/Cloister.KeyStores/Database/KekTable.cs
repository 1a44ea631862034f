using System.Data.Common;
using Cloister.Contracts.Keys;
using Dapper;

namespace Cloister.KeyStores.Database;

/// <summary>Rows of <c>kek_material</c>. Failures of the database become <see cref="KeyStoreFailure.Unavailable"/>.</summary>
internal sealed class KekTable(KeyDatabase database) : IAsyncDisposable
{
    private const string Where = "authority = @authority AND name = @name AND version = @version AND generation = @generation";

    public static async Task<KekTable> OpenAsync(string address, CancellationToken cancellation) =>
        await GuardAsync(async () => new KekTable(await KeyDatabase.OpenAsync(address, cancellation)));

    public Task<WrappedKek?> FindAsync(KekIdentity kek, CancellationToken cancellation) =>
        QueryAsync($"SELECT authority, name, version, generation, wrapped FROM kek_material WHERE {Where}", kek, cancellation);

    public Task<WrappedKek?> AnyAsync(CancellationToken cancellation) =>
        QueryAsync("SELECT authority, name, version, generation, wrapped FROM kek_material LIMIT 1", null, cancellation);

    /// <summary>False when there is a row of that name.</summary>
    public async Task<bool> AddAsync(KekIdentity kek, byte[] wrapped, CancellationToken cancellation) =>
        await ExecuteAsync(
            "INSERT INTO kek_material (authority, name, version, generation, wrapped) VALUES (@authority, @name, @version, @generation, @wrapped) ON CONFLICT DO NOTHING",
            kek,
            wrapped,
            cancellation) == 1;

    public Task DeleteAsync(KekIdentity kek, CancellationToken cancellation) => ExecuteAsync($"DELETE FROM kek_material WHERE {Where}", kek, null, cancellation);

    public ValueTask DisposeAsync() => database.DisposeAsync();

    private static DynamicParameters Parameters(KekIdentity kek)
    {
        DynamicParameters parameters = new();
        parameters.Add("authority", kek.Authority);
        parameters.Add("name", kek.Name);
        parameters.Add("version", (long)kek.Version);
        parameters.Add("generation", kek.Generation);
        return parameters;
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> action)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException or TimeoutException)
        {
            throw new KeyStoreException(KeyStoreFailure.Unavailable, $"the key database does not work: {e.Message}", e);
        }
    }

    private Task<WrappedKek?> QueryAsync(string sql, KekIdentity? kek, CancellationToken cancellation) => GuardAsync(async () =>
    {
        await using DbConnection connection = await database.ConnectAsync(cancellation);
        Row? row = await connection.QueryFirstOrDefaultAsync<Row>(new CommandDefinition(sql, kek is null ? null : Parameters(kek), cancellationToken: cancellation));
        return row is null ? null : new WrappedKek(new KekIdentity(row.Authority, row.Name, checked((uint)row.Version), row.Generation), row.Wrapped);
    });

    private Task<int> ExecuteAsync(string sql, KekIdentity kek, byte[]? wrapped, CancellationToken cancellation) => GuardAsync(async () =>
    {
        await using DbConnection connection = await database.ConnectAsync(cancellation);
        DynamicParameters parameters = Parameters(kek);
        if (wrapped is not null)
        {
            parameters.Add("wrapped", wrapped);
        }

        return await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellation));
    });

    private sealed class Row
    {
        public string Authority { get; set; } = "";

        public string Name { get; set; } = "";

        public long Version { get; set; }

        public string Generation { get; set; } = "";

        public byte[] Wrapped { get; set; } = [];
    }
}

/// <summary>A row.</summary>
internal sealed record WrappedKek(KekIdentity Kek, byte[] Wrapped);
