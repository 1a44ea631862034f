using System.Security.Cryptography;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sql;
using Cloister.Contracts.Keys;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    /// <inheritdoc/>
    public async Task<Kek> CreateKekAsync(
        KekRecord kek, DateTimeOffset activeAt, Func<KekVersion, CancellationToken, Task<string>> makeKey, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null)
    {
        if (!KekIdentity.IsValidName(kek.Name))
            throw new ArgumentException("a KEK cannot have that name", nameof(kek));
        if (await FindKekEtagAsync(kek.Name, cancellation) is not null)
            throw Exists();
        KekVersion version = NewVersion(kek.Name, 1, activeAt);
        string commitment = await makeKey(version, cancellation);
        await WriteAsync(
            async writes =>
            {
                if (await LoadKekAsync(writes, kek.Name) is not null)
                    throw Exists();
                KekRow made = KekRow.New(kek, version.CreatedAt.ToUnixTimeMilliseconds(), version, commitment);
                (made.NextVersion, made.Revision) = (2, 2);
                await SaveKekAsync(writes, [made], made);
                return version;
            },
            log,
            cancellation);
        return (await FindKekAsync(kek.Name, cancellation))!;

        static BrokerStateException Exists() => new(BrokerStateError.Exists, "there is a KEK of that name already");
    }

    /// <inheritdoc/>
    public async Task<KekVersion> AddVersionAsync(
        string name, DateTimeOffset activeAt, Func<KekVersion, CancellationToken, Task<string>> makeKey, CancellationToken cancellation, Func<KekVersion, AuditEvent>? log = null)
    {
        long number = await _writes.RunAsync(
            writes => ChangeKekAsync<long>(writes, name, (rows, _) =>
            {
                long next = rows[0].NextVersion;
                rows.ForEach(row => row.NextVersion = next + 1);
                return (next, null);
            }),
            cancellation);
        KekVersion version = NewVersion(name, checked((int)number), activeAt);
        string commitment = await makeKey(version, cancellation);
        return await WriteAsync(
            writes => ChangeKekAsync(writes, name, (rows, _) =>
            {
                rows.Add(rows[0].With(version, commitment));
                rows.ForEach(row => row.Revision++);
                return (version, rows[^1]);
            }),
            log,
            cancellation);
    }

    /// <inheritdoc/>
    public Task RaiseHighestActiveAsync(string name, int version, CancellationToken cancellation) =>
        _writes.RunAsync(
            writes => ChangeKekAsync<bool>(writes, name, (rows, _) =>
            {
                bool raised = rows[0].HighestActive < version;
                rows.ForEach(row => row.HighestActive = Math.Max(row.HighestActive, version));
                return (raised, null);
            }),
            cancellation);

    /// <inheritdoc/>
    public Task SetKekPolicyAsync(string name, string policy, CancellationToken cancellation, Func<KekPolicyChange, AuditEvent>? log = null) =>
        WriteAsync(
            async writes =>
            {
                string before = await ChangeKekAsync<string>(writes, name, (rows, _) =>
                {
                    string old = rows[0].Policy;
                    rows.ForEach(row => (row.Policy, row.Revision) = (policy, row.Revision + 1));
                    return (old, null);
                });
                return new KekPolicyChange(before, await PolicyDigestAsync(writes, before), await PolicyDigestAsync(writes, policy));
            },
            log,
            cancellation);

    /// <inheritdoc/>
    public async Task<string> FindCommitmentAsync(string name, int version, CancellationToken cancellation) =>
        (await FindUnitAsync(name, cancellation))?.Rows.FirstOrDefault(row => row.Version == version)?.Commitment ?? "";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<(KekVersion Version, string Store)>> ListWithoutCommitmentAsync(CancellationToken cancellation) =>
        [.. (await ListUnitsAsync(null, cancellation)).SelectMany(unit => unit.Rows)
            .Where(row => row.Commitment.Length == 0 && row.State != KekRow.Destroyed).Select(row => (row.ToVersion(), row.Store))];

    /// <inheritdoc/>
    public Task SetCommitmentAsync(string name, int version, string commitment, CancellationToken cancellation) =>
        _writes.RunAsync(
            writes => ChangeKekAsync(writes, name, (rows, _) =>
            {
                KekRow? bare = rows.FirstOrDefault(row => row.Version == version && row.Commitment.Length == 0);
                if (bare is not null)
                    bare.Commitment = commitment;
                return (true, bare);
            }),
            cancellation);

    /// <inheritdoc/>
    public async Task<Kek?> FindKekAsync(string name, CancellationToken cancellation, RowHead? asOf = null) => (await FindUnitAsync(name, cancellation, asOf))?.Kek;

    /// <inheritdoc/>
    public async Task<string?> FindKekEtagAsync(string name, CancellationToken cancellation) => (await FindKekAsync(name, cancellation))?.Etag;

    // Revisions only grow, and KEKs are never removed.
    /// <inheritdoc/>
    public Task<long> KeksRevisionAsync(CancellationToken cancellation) =>
        _reads.FirstOrDefaultAsync<long>("SELECT CAST(COALESCE(SUM(Revision), 0) AS BIGINT) FROM Keks", null, cancellation);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Kek>> ListKeksAsync(string? cluster, CancellationToken cancellation) =>
        [.. (await ListUnitsAsync(cluster, cancellation)).Select(unit => unit.Kek)];

    private Task<KekUnit?> FindUnitAsync(string name, CancellationToken cancellation, RowHead? asOf = null) => Rows.FindAsync(
        new RowName(RowName.Keks, name),
        async () => KekUnit.Of(await _reads.ListAsync<KekRow>(SelectKek, new { name }, cancellation)).SingleOrDefault(),
        KekUnit.DigestOf,
        cancellation,
        asOf);

    // All are read, also for one cluster: the cluster of a KEK is what its row says.
    private async Task<IReadOnlyList<KekUnit>> ListUnitsAsync(string? cluster, CancellationToken cancellation) =>
        [.. (await Rows.ListAsync(
            RowName.Keks,
            async () => KekUnit.Of(await _reads.ListAsync<KekRow>($"SELECT {KekRow.Columns} {KekRow.From} ORDER BY k.Name, v.Version", null, cancellation)),
            unit => unit.First.Name,
            KekUnit.DigestOf,
            _ => true,
            cancellation)).Where(unit => cluster is null || unit.First.Cluster == cluster)];

    private KekVersion NewVersion(string name, int number, DateTimeOffset activeAt) => new(
        name, number, RandomNumberGenerator.GetHexString(32, lowercase: true), KekVersionState.Enabled,
        Time(_clock.GetUtcNow().ToUnixTimeMilliseconds()), Time(activeAt.ToUnixTimeMilliseconds()), null);

    private const string SelectKek = $"SELECT {KekRow.Columns} {KekRow.From} WHERE k.Name = @name ORDER BY v.Version";

    private async Task<List<KekRow>?> LoadKekAsync(WriteTransaction writes, string name)
    {
        KekUnit? unit = KekUnit.Of(await writes.ListAsync<KekRow>(SelectKek, new { name }, CancellationToken.None)).SingleOrDefault();
        (await RowsOf(writes)).Require(new RowName(RowName.Keks, name), unit is null ? null : KekUnit.DigestOf(unit));
        return unit is null ? null : [.. unit.Rows];
    }

    /// <summary>Changes a KEK: verified, changed in memory, stored if anything is different.</summary>
    /// <param name="writes">The transaction.</param>
    /// <param name="name">The KEK.</param>
    /// <param name="change">Is given the rows, each with the KEK's columns, and the time; answers with the result and the version that is new or different, if one is.</param>
    /// <exception cref="BrokerStateException">Not found, or not authentic.</exception>
    private async Task<T> ChangeKekAsync<T>(WriteTransaction writes, string name, Func<List<KekRow>, long, (T Result, KekRow? Version)> change)
    {
        List<KekRow> rows = await LoadKekAsync(writes, name) ?? throw NotFound("KEK");
        byte[] before = KekUnit.DigestOf(new KekUnit(rows));
        (T result, KekRow? version) = change(rows, writes.Now);
        if (!KekUnit.DigestOf(new KekUnit(rows)).AsSpan().SequenceEqual(before))
            await SaveKekAsync(writes, rows, version);
        return result;
    }

    // Every column is written, whatever the database has in it by now.
    private async Task SaveKekAsync(WriteTransaction writes, List<KekRow> rows, KekRow? version)
    {
        await writes.ExecuteAsync(KekRow.UpsertKek, rows[0]);
        if (version is not null)
            await writes.ExecuteAsync(KekRow.UpsertVersion, version);
        await (await RowsOf(writes)).SetAsync(new RowName(RowName.Keks, rows[0].Name), KekUnit.DigestOf(new KekUnit(rows)));
    }
}
