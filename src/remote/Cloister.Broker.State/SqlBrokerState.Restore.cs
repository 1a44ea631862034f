using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Sql;
using Cloister.Contracts.Keys;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    /// <inheritdoc/>
    public async Task<Kek> RestoreVersionAsync(KekRecord kek, int version, string generation, string commitment, CancellationToken cancellation, Func<bool, AuditEvent>? log = null)
    {
        if (!KekIdentity.IsValidName(kek.Name))
            throw new ArgumentException("a KEK cannot have that name", nameof(kek));
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        await WriteAsync(writes => RestoreAsync(writes, kek, version, generation, commitment), log, cancellation);
        return (await FindKekAsync(kek.Name, cancellation))!;
    }

    /// <inheritdoc/>
    public async Task CheckRestoreAsync(KekRecord kek, int version, string generation, CancellationToken cancellation)
    {
        if (await FindKekAsync(kek.Name, cancellation) is not { } known)
            return;
        if (known.Record.Cluster != kek.Cluster || known.Record.Store != kek.Store)
            throw OthersKek();
        if (known.Versions.FirstOrDefault(one => one.Version == version) is { } present && (present.Generation != generation || present.State == KekVersionState.Destroyed))
            throw OtherVersion();
    }

    private static BrokerStateException OthersKek() => Refused("a KEK of that name is another cluster's, or in another key store");

    private static BrokerStateException OtherVersion() => Refused("that version is there with another key, or was destroyed");

    private static async Task<bool> RestoreAsync(WriteTransaction writes, KekRecord kek, int version, string generation, string commitment)
    {
        await writes.ExecuteAsync(
            """
            INSERT INTO Keks (Name, Cluster, Store, Policy, Releasable, CreatedAt, NextVersion, Revision)
            VALUES (@Name, @Cluster, @Store, @Policy, @Releasable, @Now, 1, 1) ON CONFLICT (Name) DO NOTHING
            """,
            new { kek.Name, kek.Cluster, kek.Store, kek.Policy, Releasable = kek.Release ? 1L : 0L, writes.Now });
        if (await writes.FirstOrDefaultAsync<long>("SELECT COUNT(*) FROM Keks WHERE Name = @Name AND Cluster = @Cluster AND Store = @Store", kek) == 0)
            throw OthersKek();

        KekRow? present = await writes.FirstOrDefaultAsync<KekRow>(
            $"SELECT {KekRow.Columns} {KekRow.From} WHERE v.Name = @name AND v.Version = @version", new { name = kek.Name, version = (long)version });
        if (present is { } && (present.Generation != generation || present.State == KekRow.Destroyed))
            throw OtherVersion();
        if (present is { })
            return false;

        // Writes never go back to an older version because that was restored later.
        long? higher = await writes.FirstOrDefaultAsync<long?>(
            "SELECT MIN(ActiveAt) FROM KekVersions WHERE Name = @name AND Version > @version", new { name = kek.Name, version = (long)version });
        long now = writes.Now;
        await writes.ExecuteAsync(
            "UPDATE Keks SET NextVersion = CASE WHEN NextVersion <= @version THEN @version + 1 ELSE NextVersion END WHERE Name = @name",
            new { name = kek.Name, version = (long)version });
        await InsertVersionAsync(
            writes, new KekVersion(kek.Name, version, generation, KekVersionState.Enabled, Time(now), Time(Math.Min(now, higher ?? now)), null), commitment);
        return true;
    }
}
