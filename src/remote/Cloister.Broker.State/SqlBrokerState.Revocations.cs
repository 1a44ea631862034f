using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    /// <inheritdoc/>
    public Task<bool> RevokeAsync(RevocationKind kind, string value, string reason, string by, CancellationToken cancellation, Func<bool, AuditEvent>? log = null) =>
        WriteAsync(
            async writes => await CountRevocationAsync(writes, await writes.ExecuteAsync(
                """
                INSERT INTO Revocations (Kind, Value, Reason, RevokedAt, RevokedBy) VALUES (@kind, @value, @reason, @at, @by)
                ON CONFLICT (Kind, Value) DO NOTHING
                """,
                new { kind = Name(kind), value, reason, at = writes.Now, by })),
            log,
            cancellation);

    /// <inheritdoc/>
    public async Task<bool> UnrevokeAsync(RevocationKind kind, string value, CancellationToken cancellation, Func<Revocation?, AuditEvent>? log = null) =>
        await WriteAsync(
            async writes =>
            {
                RevocationRow? lifted = await writes.FirstOrDefaultAsync<RevocationRow>(
                    "DELETE FROM Revocations WHERE Kind = @kind AND Value = @value RETURNING Kind, Value, Reason, RevokedAt, RevokedBy", new { kind = Name(kind), value });
                await CountRevocationAsync(writes, lifted is null ? 0 : 1);
                return lifted?.ToRecord();
            },
            log,
            cancellation) is not null;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Revocation>> ListRevocationsAsync(CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<RevocationRow>(
            "SELECT Kind, Value, Reason, RevokedAt, RevokedBy FROM Revocations ORDER BY Kind, Value", null, cancellation)).Select(row => row.ToRecord())];

    /// <inheritdoc/>
    public Task<long> RevocationRevisionAsync(CancellationToken cancellation) =>
        _reads.FirstOrDefaultAsync<long>("SELECT Value FROM Counters WHERE Name = 'revocations'", null, cancellation);

    private static async Task<bool> CountRevocationAsync(WriteTransaction writes, int changes)
    {
        if (changes != 0)
            await writes.ExecuteAsync("UPDATE Counters SET Value = Value + 1 WHERE Name = 'revocations'");
        return changes != 0;
    }

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

        public Revocation ToRecord() => new(Enum.Parse<RevocationKind>(Kind, ignoreCase: true), Value, Reason, Time(RevokedAt), RevokedBy);
    }
}
