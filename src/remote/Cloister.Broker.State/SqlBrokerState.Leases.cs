using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Sql;
using Dapper;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const string UpsertLease =
        $"""
        INSERT INTO Leases ({LeaseRow.Columns})
        VALUES (@Id, @Instance, @Cluster, @Provider, @Kek, @Tee, @Measurement, @Platform, @ConfigDigest, @Policy,
            @FirstAt, @RenewedAt, @ExpiresAt, @Renewals, @Wraps, @Unwraps, @WrapsAllowed, @UnwrapsAllowed, @OtherRoots)
        ON CONFLICT (Id) DO UPDATE SET Tee = excluded.Tee, Measurement = excluded.Measurement,
            Platform = excluded.Platform, ConfigDigest = excluded.ConfigDigest, Policy = excluded.Policy,
            Wraps = Leases.Wraps + @NewWraps, Unwraps = Leases.Unwraps + @NewUnwraps, RenewedAt = excluded.RenewedAt, ExpiresAt = excluded.ExpiresAt, Renewals = Leases.Renewals + 1,
            WrapsAllowed = excluded.WrapsAllowed, UnwrapsAllowed = excluded.UnwrapsAllowed, OtherRoots = excluded.OtherRoots, WrapsUsed = 0, UnwrapsUsed = 0
        WHERE Leases.Instance = excluded.Instance AND Leases.Cluster = excluded.Cluster AND Leases.Provider = excluded.Provider AND Leases.Kek = excluded.Kek
        RETURNING {LeaseRow.Columns}
        """;

    /// <inheritdoc/>
    public async Task<LeaseRecord> GrantLeaseAsync(LeaseGrant grant, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(grant.Uses.Wraps);
        ArgumentOutOfRangeException.ThrowIfNegative(grant.Uses.Unwraps);
        KeptEvidence? evidence = grant.Evidence is { } kept ? KeptEvidence.Of(kept.Record, kept.Limits) : null;
        IReadOnlyList<AuditText> used = [.. grant.Challenge?.Log.Select(AuditText.Of) ?? []];
        List<Statement> statements =
        [
            new(UpsertLease, true, [.. LeaseRow.From(grant.Lease).Parameters, ("NewWraps", grant.Uses.Wraps), ("NewUnwraps", grant.Uses.Unwraps)]),
            .. evidence?.Statements ?? [],
        ];
        if (grant.Challenge is { } challenge)
            statements.Insert(0, Insert(challenge));
        BatchedWrite<(LeaseRecord, long Seq, long? Number)> write = new(statements, async (writes, answers) =>
        {
            if (grant.Challenge is not null && answers.Number() is null)
                throw new BrokerStateException(BrokerStateError.Used, "the challenge was used already");
            LeaseRow row = answers.First(rows => rows.GetRowParser<LeaseRow>()(rows)) ?? throw Refused("the lease belongs to another instance, cluster, provider or KEK");
            if (grant.Renews && row.Renewals == 0)
                throw NotFound("lease");
            LeaseRecord stored = row.ToRecord();
            long? number = evidence is null ? null : answers.Number();
            return (stored, await AppendAsync(writes, [.. used, .. grant.Log(stored).Select(AuditText.Of)]), number);
        })
        {
            Before = async writes =>
            {
                if (grant.AsOf is { } decided)
                    RequireNewest(writes, decided);
                await PurgeSessionsAsync(writes);
                await writes.TreeAsync();
            },
            After = (writes, result) => result.Number is { } number ? PurgeEvidenceAsync(writes, evidence!, number) : Task.CompletedTask,
        };
        (LeaseRecord lease, long seq, _) = await _writes.RunAsync(write, cancellation);
        StartCheckpoint(seq);
        return lease;
    }

    /// <inheritdoc/>
    public async Task<LeaseRecord?> FindLeaseAsync(string id, CancellationToken cancellation) =>
        (await _reads.FirstOrDefaultAsync<LeaseRow>($"SELECT {LeaseRow.Columns} FROM Leases WHERE Id = @id", new { id }, cancellation))?.ToRecord();

    /// <inheritdoc/>
    public async Task<bool> HasLeaseOnAsync(string platform, CancellationToken cancellation) =>
        await _reads.FirstOrDefaultAsync<string>("SELECT Id FROM Leases WHERE Platform = @platform LIMIT 1", new { platform }, cancellation) is not null;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<LeaseRecord>> ListLeasesAsync(string? cluster, CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<LeaseRow>(
            $"SELECT {LeaseRow.Columns} FROM Leases {(cluster is null ? "" : "WHERE Cluster = @cluster")} ORDER BY RenewedAt DESC, Id",
            new { cluster },
            cancellation)).Select(row => row.ToRecord())];

    /// <inheritdoc/>
    public async Task<LeasePage> PageLeasesAsync(LeaseQuery query, CancellationToken cancellation)
    {
        string[] columns = ["Id", "Instance", "Measurement", "Platform"];
        string[] conditions =
        [
            .. query.EndingAfter is null ? [] : (string[])["ExpiresAt > @after"],
            .. query.EndingUntil is null ? [] : (string[])["ExpiresAt <= @until"],
            .. query.Cluster is null ? [] : (string[])["Cluster = @cluster"],
            .. query.Kek is null ? [] : (string[])["Kek = @kek"],
            .. query.Prefix is null ? [] : (string[])[$"({string.Join(" OR ", columns.Select(column => $"{column} LIKE @prefix ESCAPE '!'"))})"],
        ];
        string from = $"FROM Leases {(conditions.Length == 0 ? "" : $"WHERE {string.Join(" AND ", conditions)}")}";
        var parameters = new
        {
            after = query.EndingAfter?.ToUnixTimeMilliseconds(), until = query.EndingUntil?.ToUnixTimeMilliseconds(), cluster = query.Cluster, kek = query.Kek,
            prefix = Pattern(query.Prefix) + "%", skip = query.Skip, most = query.Most,
        };
        long total = await _reads.FirstOrDefaultAsync<long>($"SELECT COUNT(*) {from}", parameters, cancellation);
        IReadOnlyList<LeaseRow> rows = await _reads.ListAsync<LeaseRow>(
            $"SELECT {LeaseRow.Columns} {from} ORDER BY RenewedAt DESC, Id LIMIT @most OFFSET @skip", parameters, cancellation);
        return new LeasePage([.. rows.Select(row => row.ToRecord())], total);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<LeaseCount>> CountLeasesAsync(DateTimeOffset endingAfter, CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<LeaseCountRow>(
            """
            SELECT Kek, Cluster, Tee, Measurement, COUNT(*) AS Count, CAST(SUM(CASE WHEN OtherRoots = '' THEN 0 ELSE 1 END) AS BIGINT) AS WithOtherRoots
            FROM Leases WHERE ExpiresAt > @after GROUP BY Kek, Cluster, Tee, Measurement ORDER BY Kek, Cluster, Tee, Measurement
            """,
            new { after = endingAfter.ToUnixTimeMilliseconds() },
            cancellation)).Select(row => new LeaseCount(row.Kek, row.Cluster, row.Tee, row.Measurement, row.Count, row.WithOtherRoots))];

    // A text to look for, as LIKE takes it.
    private static string Pattern(string? text) =>
        (text ?? "").Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal);

    /// <inheritdoc/>
    public async Task<bool> TryUseAsync(string id, long wraps, long unwraps, AuditEvent use, AuditEvent refusal, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(wraps);
        ArgumentOutOfRangeException.ThrowIfNegative(unwraps);
        AuditText made = AuditText.Of(use);
        AuditText refused = AuditText.Of(refusal);
        (bool allowed, long seq) = await _writes.RunAsync(
            async writes =>
            {
                // Subtracted on the allowed side: uses that are far too many must not overflow into being few.
                bool counted = await writes.ExecuteAsync(
                    """
                    UPDATE Leases SET Wraps = Wraps + @wraps, Unwraps = Unwraps + @unwraps, WrapsUsed = WrapsUsed + @wraps, UnwrapsUsed = UnwrapsUsed + @unwraps
                    WHERE Id = @id AND WrapsUsed <= WrapsAllowed - @wraps AND UnwrapsUsed <= UnwrapsAllowed - @unwraps
                    """,
                    new { id, wraps, unwraps }) == 1;
                return (counted, (await writes.AppendAsync(counted ? made : refused)).Seq);
            },
            cancellation);
        StartCheckpoint(seq);
        return allowed;
    }

    /// <inheritdoc/>
    public Task<int> PurgeLeasesAsync(DateTimeOffset endedBefore, CancellationToken cancellation) =>
        _writes.RunAsync(
            writes => writes.ExecuteAsync("DELETE FROM Leases WHERE ExpiresAt < @before", new { before = endedBefore.ToUnixTimeMilliseconds() }),
            cancellation);

    private sealed class LeaseCountRow
    {
        public string Kek { get; set; } = "";

        public string Cluster { get; set; } = "";

        public string Tee { get; set; } = "";

        public string Measurement { get; set; } = "";

        public long Count { get; set; }

        public long WithOtherRoots { get; set; }
    }
}
