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

    private async Task<bool> RestoreAsync(WriteTransaction writes, KekRecord kek, int version, string generation, string commitment)
    {
        List<KekRow> rows = await LoadKekAsync(writes, kek.Name) ?? [];
        if (rows.Count > 0 && (rows[0].Cluster != kek.Cluster || rows[0].Store != kek.Store))
            throw OthersKek();
        if (rows.FirstOrDefault(row => row.Version == version) is { } present)
            return present.Generation != generation || present.State == KekRow.Destroyed ? throw OtherVersion() : false;

        // Writes never go back to an older version because that was restored later.
        long now = writes.Now;
        long activeAt = Math.Min(now, rows.Where(row => row.Version > version).Select(row => row.ActiveAt).DefaultIfEmpty(now).Min());
        KekVersion restored = new(kek.Name, version, generation, KekVersionState.Enabled, Time(now), Time(activeAt), null);
        KekRow added = rows.Count == 0 ? KekRow.New(kek, now, restored, commitment) : rows[0].With(restored, commitment);
        rows.Add(added);
        foreach (KekRow row in rows)
            (row.NextVersion, row.Revision) = (Math.Max(row.NextVersion, version + 1L), row.Revision + 1);
        await SaveKekAsync(writes, [.. rows.OrderBy(row => row.Version)], added);
        return true;
    }
}
