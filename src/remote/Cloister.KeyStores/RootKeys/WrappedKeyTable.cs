using System.Data.Common;
using Cloister.KeyStores.Database;
using Dapper;

namespace Cloister.KeyStores.RootKeys;

/// <summary>Rows of <c>root_keys</c> and <c>wrapped_keys</c>. Failures of the database become <see cref="KeyStoreFailure.Unavailable"/>.</summary>
internal sealed class WrappedKeyTable(KeyDatabase database) : IAsyncDisposable
{
    private const string Select = "SELECT kind, name, root, wrapped FROM wrapped_keys";

    public static Task<WrappedKeyTable> OpenAsync(string address, CancellationToken cancellation) =>
        GuardAsync(async () => new WrappedKeyTable(await KeyDatabase.OpenAsync(address, cancellation)));

    /// <summary>Root keys, the newest last.</summary>
    public Task<RootRow[]> RootsAsync(CancellationToken cancellation) =>
        QueryAsync<RootRow>("SELECT id, is_current AS IsCurrent, proof FROM root_keys ORDER BY id", null, cancellation);

    public Task ProveAsync(long id, byte[] proof, CancellationToken cancellation) =>
        ExecuteAsync("UPDATE root_keys SET proof = @proof WHERE id = @id AND proof IS NULL", new { id, proof }, cancellation);

    public async Task<WrappedRow?> FindAsync(WrappedName name, CancellationToken cancellation) =>
        (await QueryAsync<WrappedRow>($"{Select} WHERE kind = @Kind AND name = @Name", name, cancellation)).FirstOrDefault();

    public async Task<WrappedRow?> AnyAsync(CancellationToken cancellation) => (await QueryAsync<WrappedRow>($"{Select} LIMIT 1", null, cancellation)).FirstOrDefault();

    public Task<string[]> NamesAsync(string kind, CancellationToken cancellation) =>
        QueryAsync<string>("SELECT name FROM wrapped_keys WHERE kind = @kind ORDER BY name", new { kind }, cancellation);

    /// <summary>Rows that another root key wraps.</summary>
    public Task<WrappedRow[]> NotUnderAsync(long root, int limit, CancellationToken cancellation) =>
        QueryAsync<WrappedRow>($"{Select} WHERE root <> @root LIMIT @limit", new { root, limit }, cancellation);

    public Task<RootCount[]> CountAsync(CancellationToken cancellation) =>
        QueryAsync<RootCount>("SELECT root, COUNT(*) AS Keys FROM wrapped_keys GROUP BY root ORDER BY root", null, cancellation);

    /// <summary>False when there is a row of that name, or the root key is not the current one.</summary>
    public async Task<bool> AddAsync(WrappedRow row, CancellationToken cancellation) =>
        await ExecuteAsync(
            """
            INSERT INTO wrapped_keys (kind, name, root, wrapped) SELECT @Kind, @Name, @Root, @Wrapped
            WHERE EXISTS (SELECT 1 FROM root_keys WHERE id = @Root AND is_current) ON CONFLICT DO NOTHING
            """,
            row,
            cancellation) == 1;

    public Task<int> DeleteAsync(WrappedName name, CancellationToken cancellation) =>
        ExecuteAsync("DELETE FROM wrapped_keys WHERE kind = @Kind AND name = @Name", name, cancellation);

    /// <summary>Puts a row into the place of what was read; not when that was replaced or deleted meanwhile.</summary>
    public Task ReplaceAsync(WrappedRow read, WrappedRow row, CancellationToken cancellation) =>
        ExecuteAsync(
            "UPDATE wrapped_keys SET root = @Root, wrapped = @Wrapped WHERE kind = @Kind AND name = @Name AND wrapped = @Before",
            new { row.Root, row.Wrapped, row.Kind, row.Name, Before = read.Wrapped },
            cancellation);

    /// <summary>Makes a new root key the current one; false when another one was made so meanwhile.</summary>
    public Task<bool> SucceedAsync(long former, RootRow next, CancellationToken cancellation) => GuardAsync(async () =>
    {
        await using DbConnection connection = await database.ConnectAsync(cancellation);
        await using DbTransaction transaction = await database.BeginExclusiveAsync(connection, cancellation);
        int changed = await connection.ExecuteAsync(
            "UPDATE root_keys SET is_current = FALSE WHERE id = @former AND is_current AND NOT EXISTS (SELECT 1 FROM root_keys WHERE id > @former)", new { former }, transaction);
        if (changed == 1)
        {
            await connection.ExecuteAsync("INSERT INTO root_keys (id, is_current, proof) VALUES (@Id, TRUE, @Proof)", next, transaction);
        }

        await transaction.CommitAsync(cancellation);
        return changed == 1;
    });

    /// <summary>Forgets root keys that are not current and wrap nothing.</summary>
    /// <returns>Whether none but the current one is left.</returns>
    public async Task<bool> ForgetAsync(CancellationToken cancellation)
    {
        // What is wrapped between the question and the deletion is kept by the foreign key, which lets the deletion fail.
        await ExecuteAsync("DELETE FROM root_keys WHERE NOT is_current AND NOT EXISTS (SELECT 1 FROM wrapped_keys WHERE root = root_keys.id)", null, cancellation);
        return (await RootsAsync(cancellation)).Length == 1;
    }

    public Task ScrubAsync(CancellationToken cancellation) => GuardAsync(async () =>
    {
        await database.ScrubAsync(cancellation);
        return true;
    });

    public ValueTask DisposeAsync() => database.DisposeAsync();

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

    private Task<T[]> QueryAsync<T>(string sql, object? parameters, CancellationToken cancellation) => GuardAsync(async () =>
    {
        await using DbConnection connection = await database.ConnectAsync(cancellation);
        return (await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: cancellation))).ToArray();
    });

    private Task<int> ExecuteAsync(string sql, object? parameters, CancellationToken cancellation) => GuardAsync(async () =>
    {
        await using DbConnection connection = await database.ConnectAsync(cancellation);
        return await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellation));
    });
}

/// <summary>A root key. <c>Proof</c>: 32 zero bytes wrapped by it, by which it is known; null until the first broker has started.</summary>
internal sealed class RootRow
{
    public long Id { get; init; }

    public bool IsCurrent { get; init; }

    public byte[]? Proof { get; init; }
}

/// <summary>A wrapped key.</summary>
internal sealed class WrappedRow
{
    public string Kind { get; init; } = "";

    public string Name { get; init; } = "";

    public long Root { get; init; }

    public byte[] Wrapped { get; init; } = [];

    public WrappedName Called => new(Kind, Name);
}

/// <summary>How many keys a root key wraps.</summary>
internal sealed class RootCount
{
    public long Root { get; init; }

    public long Keys { get; init; }
}
