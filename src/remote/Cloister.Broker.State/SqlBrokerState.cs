using System.Data.Common;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

/// <summary>
/// The broker's state in SQLite or PostgreSQL. Writes go through one queue and are committed in groups. Each part of
/// <see cref="IBrokerState"/> has a file of its own. secrets: as the interface says.
/// </summary>
public sealed partial class SqlBrokerState : IBrokerState
{
    private readonly Dialect _dialect;
    private readonly TimeProvider _clock;
    private readonly Reads _reads;
    private readonly WriteQueue _writes;

    private SqlBrokerState(Dialect dialect, TimeProvider clock)
    {
        _dialect = dialect;
        _clock = clock;
        _reads = new Reads(dialect);
        _writes = new WriteQueue(dialect, clock);
        _countedAt = clock.GetTimestamp();
    }

    /// <summary>Opens a database, makes it if it is an absent SQLite file, and brings it to this program's version.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="cancellation">Stops opening.</param>
    /// <exception cref="BrokerStateException">Unavailable, or made by a newer program.</exception>
    public static async Task<SqlBrokerState> OpenAsync(DatabaseAddress address, TimeProvider clock, CancellationToken cancellation)
    {
        Dialect dialect = Dialect.For(address);
        try
        {
            await dialect.PrepareAsync(cancellation);
            await Migrator.MigrateAsync(dialect, Migrator.Latest, cancellation);
            return new SqlBrokerState(dialect, clock);
        }
        catch (Exception exception)
        {
            await dialect.DisposeAsync();
            if (exception is DbException or IOException or UnauthorizedAccessException or InvalidOperationException or TimeoutException)
                throw new BrokerStateException(BrokerStateError.Unavailable, $"the database {address} cannot be opened: {exception.Message}", exception);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        // The newest entry that is known: what was committed stays.
        AuditTree? tree = _writes.Tree;
        await _reads.ListAsync<long>("SELECT MAX(Version) FROM SchemaVersions", null, cancellation);
        if (tree is { Size: > 0 })
            await _reads.WithAsync(hashes => hashes.FollowAsync(tree.Clone(), tree.Size), cancellation);
    }

    /// <summary>Makes the writes that wait, then closes.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopCheckpointsAsync();
        await _writes.DisposeAsync();
        _rows?.Dispose();
        _rows?.Key.Dispose();
        await _dialect.DisposeAsync();
    }

    private static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    private static BrokerStateException NotFound(string what) => new(BrokerStateError.NotFound, "there is no such " + what);

    private static BrokerStateException Refused(string why) => new(BrokerStateError.Refused, why);
}
