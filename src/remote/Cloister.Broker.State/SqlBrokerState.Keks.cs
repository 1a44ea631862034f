using System.Security.Cryptography;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
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
                var row = new { kek.Name, kek.Cluster, kek.Store, kek.Policy, Releasable = kek.Release ? 1L : 0L, At = version.CreatedAt.ToUnixTimeMilliseconds() };
                int made = await writes.ExecuteAsync(
                    """
                    INSERT INTO Keks (Name, Cluster, Store, Policy, Releasable, CreatedAt, NextVersion, Revision)
                    VALUES (@Name, @Cluster, @Store, @Policy, @Releasable, @At, 2, 1) ON CONFLICT (Name) DO NOTHING
                    """, row);
                return made == 1 ? await InsertVersionAsync(writes, version, commitment) : throw Exists();
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
            async writes => await writes.FirstOrDefaultAsync<long?>(
                "UPDATE Keks SET NextVersion = NextVersion + 1 WHERE Name = @name RETURNING NextVersion - 1", new { name }) ?? throw NotFound("KEK"),
            cancellation);
        KekVersion version = NewVersion(name, checked((int)number), activeAt);
        string commitment = await makeKey(version, cancellation);
        return await WriteAsync(writes => InsertVersionAsync(writes, version, commitment), log, cancellation);
    }

    /// <inheritdoc/>
    public Task RaiseHighestActiveAsync(string name, int version, CancellationToken cancellation) =>
        _writes.RunAsync(
            writes => writes.ExecuteAsync("UPDATE Keks SET HighestActive = @version WHERE Name = @name AND HighestActive < @version", new { name, version = (long)version }),
            cancellation);

    /// <inheritdoc/>
    public Task SetKekPolicyAsync(string name, string policy, CancellationToken cancellation, Func<KekPolicyChange, AuditEvent>? log = null) =>
        WriteAsync(
            async writes =>
            {
                string before = await writes.FirstOrDefaultAsync<string>("SELECT Policy FROM Keks WHERE Name = @name", new { name }) ?? throw NotFound("KEK");
                await writes.ExecuteAsync("UPDATE Keks SET Policy = @policy, Revision = Revision + 1 WHERE Name = @name", new { name, policy });
                return new KekPolicyChange(before, await PolicyDigestAsync(writes, before), await PolicyDigestAsync(writes, policy));
            },
            log,
            cancellation);

    /// <inheritdoc/>
    public async Task<string> FindCommitmentAsync(string name, int version, CancellationToken cancellation) =>
        await _reads.FirstOrDefaultAsync<string>(
            "SELECT Commitment FROM KekVersions WHERE Name = @name AND Version = @version", new { name, version = (long)version }, cancellation) ?? "";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<(KekVersion Version, string Store)>> ListWithoutCommitmentAsync(CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<KekRow>(
            $"SELECT {KekRow.Columns} {KekRow.From} WHERE v.Commitment = '' AND v.State <> '{KekRow.Destroyed}' ORDER BY k.Name, v.Version", null, cancellation))
            .Select(row => (row.ToVersion(), row.Store))];

    /// <inheritdoc/>
    public Task SetCommitmentAsync(string name, int version, string commitment, CancellationToken cancellation) =>
        _writes.RunAsync(
            writes => writes.ExecuteAsync(
                "UPDATE KekVersions SET Commitment = @commitment WHERE Name = @name AND Version = @version AND Commitment = ''",
                new { name, version = (long)version, commitment }),
            cancellation);

    /// <inheritdoc/>
    public async Task<Kek?> FindKekAsync(string name, CancellationToken cancellation) =>
        KekRow.ToKeks(await _reads.ListAsync<KekRow>(
            $"SELECT {KekRow.Columns} {KekRow.From} WHERE k.Name = @name ORDER BY v.Version", new { name }, cancellation)).SingleOrDefault();

    /// <inheritdoc/>
    public async Task<string?> FindKekEtagAsync(string name, CancellationToken cancellation) =>
        await _reads.FirstOrDefaultAsync<long?>("SELECT Revision FROM Keks WHERE Name = @name", new { name }, cancellation) is { } revision
            ? KekRow.Etag(revision)
            : null;

    // Revisions only grow, and KEKs are never removed.
    /// <inheritdoc/>
    public Task<long> KeksRevisionAsync(CancellationToken cancellation) =>
        _reads.FirstOrDefaultAsync<long>("SELECT CAST(COALESCE(SUM(Revision), 0) AS BIGINT) FROM Keks", null, cancellation);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Kek>> ListKeksAsync(string? cluster, CancellationToken cancellation) =>
        KekRow.ToKeks(await _reads.ListAsync<KekRow>(
            $"SELECT {KekRow.Columns} {KekRow.From} {(cluster is null ? "" : "WHERE k.Cluster = @cluster")} ORDER BY k.Name, v.Version", new { cluster }, cancellation));

    private KekVersion NewVersion(string name, int number, DateTimeOffset activeAt) => new(
        name, number, RandomNumberGenerator.GetHexString(32, lowercase: true), KekVersionState.Enabled,
        Time(_clock.GetUtcNow().ToUnixTimeMilliseconds()), Time(activeAt.ToUnixTimeMilliseconds()), null);

    private static async Task<string> PolicyDigestAsync(WriteTransaction writes, string name) =>
        await writes.FirstOrDefaultAsync<string>("SELECT Digest FROM Policies WHERE Name = @name ORDER BY Version DESC LIMIT 1", new { name }) ?? "";

    private static async Task<KekVersion> InsertVersionAsync(WriteTransaction writes, KekVersion version, string commitment)
    {
        await writes.ExecuteAsync(
            "INSERT INTO KekVersions (Name, Version, Generation, State, CreatedAt, ActiveAt, Commitment) VALUES (@Name, @Number, @Generation, @State, @CreatedAt, @ActiveAt, @commitment)",
            new
            {
                commitment,
                version.Name, Number = (long)version.Version, version.Generation, State = KekRow.Enabled,
                CreatedAt = version.CreatedAt.ToUnixTimeMilliseconds(), ActiveAt = version.ActiveAt.ToUnixTimeMilliseconds(),
            });
        await ChangedAsync(writes, version.Name);
        return version;
    }

    private static Task<int> ChangedAsync(WriteTransaction writes, string name) =>
        writes.ExecuteAsync("UPDATE Keks SET Revision = Revision + 1 WHERE Name = @name", new { name });
}
