using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const string RevocationColumns = "Kind, Value, Reason, RevokedAt, RevokedBy";

    /// <inheritdoc/>
    public Task<bool> RevokeAsync(RevocationKind kind, string value, string reason, string by, CancellationToken cancellation, Func<bool, AuditEvent>? log = null) =>
        WriteAsync(
            async writes =>
            {
                var row = new RevocationRow { Kind = Name(kind), Value = value, Reason = reason, RevokedAt = writes.Now, RevokedBy = by };
                RowName name = new(RowName.Revocations, row.Id);
                RowWrites rows = await RowsOf(writes);
                if (rows.DigestOf(name) is not null)
                    return false;
                await writes.ExecuteAsync(
                    $"""
                    INSERT INTO Revocations ({RevocationColumns}) VALUES (@Kind, @Value, @Reason, @RevokedAt, @RevokedBy)
                    ON CONFLICT (Kind, Value) DO UPDATE SET Reason = excluded.Reason, RevokedAt = excluded.RevokedAt, RevokedBy = excluded.RevokedBy
                    """,
                    row);
                await rows.SetAsync(name, RevocationRow.DigestOf(row));
                return true;
            },
            log,
            cancellation);

    /// <inheritdoc/>
    public async Task<bool> UnrevokeAsync(RevocationKind kind, string value, CancellationToken cancellation, Func<Revocation?, AuditEvent>? log = null) =>
        await WriteAsync(
            async writes =>
            {
                RowName name = new(RowName.Revocations, RevocationRow.IdOf(Name(kind), value));
                RowWrites rows = await RowsOf(writes);
                RevocationRow? lifted = await writes.FirstOrDefaultAsync<RevocationRow>(
                    $"DELETE FROM Revocations WHERE Kind = @kind AND Value = @value RETURNING {RevocationColumns}", new { kind = Name(kind), value });
                if (rows.DigestOf(name) is not { } digest)
                    return null;
                await rows.RemoveAsync(name);
                return RowLedger.Problem(digest, lifted is null ? null : RevocationRow.DigestOf(lifted)) is null ? lifted!.ToRecord() : RevocationRow.Lost(name.Id);
            },
            log,
            cancellation) is not null;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Revocation>> ListRevocationsAsync(CancellationToken cancellation)
    {
        IReadOnlyList<RevocationRow> rows = await Rows.ListAsync(
            RowName.Revocations,
            () => _reads.ListAsync<RevocationRow>($"SELECT {RevocationColumns} FROM Revocations", null, cancellation),
            row => row.Id,
            RevocationRow.DigestOf,
            _ => true,
            cancellation);

        // What is revoked is what the chain of changes says: a row that somebody removed lifts nothing, and one that he planted revokes nothing.
        Dictionary<string, Revocation> known = rows.ToDictionary(row => row.Id, row => row.ToRecord(), StringComparer.Ordinal);
        return [.. Rows.Ids(RowName.Revocations).Order(StringComparer.Ordinal).Select(id => known.GetValueOrDefault(id) ?? RevocationRow.Lost(id))];
    }

    /// <inheritdoc/>
    public Task<long> RevocationRevisionAsync(CancellationToken cancellation, RowHead? asOf = null) => Rows.RevocationsAsync(asOf, cancellation);

    private static string Name(RevocationKind kind) => kind switch
    {
        RevocationKind.Instance => "instance",
        RevocationKind.Measurement => "measurement",
        RevocationKind.Platform => "platform",
        RevocationKind.Kek => "kek",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private sealed class RevocationRow
    {
        public string Kind { get; set; } = "";

        public string Value { get; set; } = "";

        public string Reason { get; set; } = "";

        public long RevokedAt { get; set; }

        public string RevokedBy { get; set; } = "";

        public string Id => IdOf(Kind, Value);

        public static string IdOf(string kind, string value) => $"{kind}/{value}";

        public static byte[] DigestOf(RevocationRow row) => new RowDigest(new RowName(RowName.Revocations, row.Id))
            .Add("Reason", row.Reason).Add("RevokedAt", row.RevokedAt).Add("RevokedBy", row.RevokedBy).Finish();

        /// <summary>A revocation whose row is not there, or not authentic.</summary>
        public static Revocation Lost(string id)
        {
            string[] parts = id.Split('/', 2);
            return new RevocationRow { Kind = parts[0], Value = parts[1], Reason = "its row in the database was removed or changed" }.ToRecord();
        }

        public Revocation ToRecord() => new(Enum.Parse<RevocationKind>(Kind, ignoreCase: true), Value, Reason, Time(RevokedAt), RevokedBy);
    }
}
