using System.Data;
using System.Data.Common;
using System.Diagnostics;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>Reads, each on a connection of the pool. secrets: results may hold tokens or wrapped keys.</summary>
internal sealed class Reads(Dialect dialect) : IQueries
{
    /// <summary>Told how long each read took.</summary>
    public Action<TimeSpan>? Observed { get; set; }

    public async Task<IReadOnlyList<T>> ListAsync<T>(string sql, object? parameters, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            await using DbConnection connection = await dialect.ConnectAsync(cancellation);
            return [.. await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: cancellation))];
        }
        catch (Exception exception) when (exception is DbException or DataException or InvalidOperationException or IOException or TimeoutException)
        {
            throw Unavailable(exception);
        }
        finally
        {
            Observed?.Invoke(Stopwatch.GetElapsedTime(began));
        }
    }

    public async Task<T?> FirstOrDefaultAsync<T>(string sql, object? parameters, CancellationToken cancellation)
    {
        IReadOnlyList<T> rows = await ListAsync<T>(sql, parameters, cancellation);
        return rows.Count == 0 ? default : rows[0];
    }

    /// <summary>Reads hashes of the audit log.</summary>
    public async Task<T> WithAsync<T>(Func<AuditHashes, Task<T>> read, CancellationToken cancellation)
    {
        try
        {
            await using DbConnection connection = await dialect.ConnectAsync(cancellation);
            return await read(new AuditHashes(connection, null));
        }
        catch (Exception exception) when (exception is DbException or InvalidOperationException or IOException or TimeoutException)
        {
            throw Unavailable(exception);
        }
    }

    /// <summary>What callers see of a failure of the database.</summary>
    public static BrokerStateException Unavailable(Exception exception) =>
        new(BrokerStateError.Unavailable, "the database does not answer, or failed", exception);
}

/// <summary>Reads, in a transaction or not.</summary>
internal interface IQueries
{
    Task<IReadOnlyList<T>> ListAsync<T>(string sql, object? parameters, CancellationToken cancellation);
}
