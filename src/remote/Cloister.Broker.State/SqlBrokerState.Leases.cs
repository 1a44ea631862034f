using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const string UpsertLease =
        $"""
        INSERT INTO Leases ({LeaseRow.Columns})
        VALUES (@Id, @Instance, @Cluster, @Provider, @Kek, @Tee, @Measurement, @Platform, @ConfigDigest, @Policy,
            @FirstAt, @RenewedAt, @ExpiresAt, @Renewals, @Wraps, @Unwraps, @WrapsAllowed, @UnwrapsAllowed)
        ON CONFLICT (Id) DO UPDATE SET Provider = excluded.Provider, Tee = excluded.Tee, Measurement = excluded.Measurement,
            Platform = excluded.Platform, ConfigDigest = excluded.ConfigDigest, Policy = excluded.Policy,
            RenewedAt = excluded.RenewedAt, ExpiresAt = excluded.ExpiresAt, Renewals = Leases.Renewals + 1,
            WrapsAllowed = excluded.WrapsAllowed, UnwrapsAllowed = excluded.UnwrapsAllowed, WrapsUsed = 0, UnwrapsUsed = 0
        WHERE Leases.Instance = excluded.Instance AND Leases.Cluster = excluded.Cluster AND Leases.Kek = excluded.Kek
        RETURNING {LeaseRow.Columns}
        """;

    /// <inheritdoc/>
    public Task<LeaseRecord> UpsertLeaseAsync(LeaseRecord lease, CancellationToken cancellation)
    {
        LeaseRow row = LeaseRow.From(lease);
        return _writes.RunAsync(
            async writes => (await writes.FirstOrDefaultAsync<LeaseRow>(UpsertLease, row) ?? throw Refused("the lease belongs to another instance, cluster or KEK")).ToRecord(),
            cancellation);
    }

    /// <inheritdoc/>
    public async Task<LeaseRecord?> FindLeaseAsync(string id, CancellationToken cancellation) =>
        (await _reads.FirstOrDefaultAsync<LeaseRow>($"SELECT {LeaseRow.Columns} FROM Leases WHERE Id = @id", new { id }, cancellation))?.ToRecord();

    /// <inheritdoc/>
    public async Task<IReadOnlyList<LeaseRecord>> ListLeasesAsync(string? cluster, CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<LeaseRow>(
            $"SELECT {LeaseRow.Columns} FROM Leases {(cluster is null ? "" : "WHERE Cluster = @cluster")} ORDER BY RenewedAt DESC, Id",
            new { cluster },
            cancellation)).Select(row => row.ToRecord())];

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
                return (counted, (await AppendAsync(writes, counted ? made : refused)).Seq);
            },
            cancellation);
        StartCheckpoint(seq);
        return allowed;
    }

    /// <inheritdoc/>
    public Task AddUsesAsync(string id, long wraps, long unwraps, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(wraps);
        ArgumentOutOfRangeException.ThrowIfNegative(unwraps);
        return _writes.RunAsync(
            writes => writes.ExecuteAsync("UPDATE Leases SET Wraps = Wraps + @wraps, Unwraps = Unwraps + @unwraps WHERE Id = @id", new { id, wraps, unwraps }),
            cancellation);
    }

    /// <inheritdoc/>
    public Task<int> PurgeLeasesAsync(DateTimeOffset endedBefore, CancellationToken cancellation) =>
        _writes.RunAsync(
            writes => writes.ExecuteAsync("DELETE FROM Leases WHERE ExpiresAt < @before", new { before = endedBefore.ToUnixTimeMilliseconds() }),
            cancellation);
}
