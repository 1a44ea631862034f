using System.Runtime.CompilerServices;
using System.Text;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const string EvidenceColumns = "Accepted, Number, Lease, Instance, Tee, Reason, KeptAt, Body";

    private const int LargestEvidence = 1 << 20;
    private const int EvidencePage = 32;
    private const long MostBeyondLimits = 64;

    internal const string DeleteEvidenceOfLease = "DELETE FROM Evidence WHERE Lease = @OfLease AND Accepted = 1";

    private const string InsertEvidence =
        $"""
        INSERT INTO Evidence ({EvidenceColumns})
        SELECT @OfAccepted, COALESCE(MAX(Number), 0) + 1, @OfLease, @OfInstance, @OfTee, @OfReason, @OfTime, @OfBody FROM Evidence WHERE Accepted = @OfAccepted
        RETURNING Number
        """;

    private long _nextEvidencePurge;

    /// <inheritdoc/>
    public Task KeepEvidenceAsync(EvidenceRecord evidence, EvidenceLimits limits, CancellationToken cancellation)
    {
        KeptEvidence kept = KeptEvidence.Of(evidence, limits);
        return _writes.RunAsync(
            new BatchedWrite<long>([.. kept.Statements], (_, answers) => Task.FromResult(answers.Number()!.Value)) { After = (writes, number) => PurgeEvidenceAsync(writes, kept, number) },
            cancellation);
    }

    /// <inheritdoc/>
    public async Task<EvidenceRecord?> FindEvidenceAsync(string lease, CancellationToken cancellation) =>
        (await _reads.FirstOrDefaultAsync<EvidenceRow>(
            $"SELECT {EvidenceColumns} FROM Evidence WHERE Lease = @lease AND Accepted = 1", new { lease }, cancellation))?.ToRecord();

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EvidenceRecord>> ListRefusedEvidenceAsync(int most, CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<EvidenceRow>(
            $"SELECT {EvidenceColumns} FROM Evidence WHERE Accepted = 0 ORDER BY Number DESC LIMIT @most", new { most }, cancellation)).Select(row => row.ToRecord())];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Refusal>> ListRefusalsAsync(CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<EvidenceRow>(
            """
            SELECT Instance, Reason, KeptAt FROM Evidence WHERE Accepted = 0 AND Number IN
            (SELECT MAX(Number) FROM Evidence WHERE Accepted = 0 GROUP BY Instance)
            """,
            null,
            cancellation)).Select(row => new Refusal(row.Instance, row.Reason, Time(row.KeptAt)))];

    /// <inheritdoc/>
    public async IAsyncEnumerable<EvidenceRecord> ReadEvidenceAsync(DateTimeOffset from, DateTimeOffset to, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (long accepted in new long[] { 0, 1 })
        {
            IReadOnlyList<EvidenceRow> page;
            long after = 0;
            do
            {
                page = await _reads.ListAsync<EvidenceRow>(
                    $"""
                    SELECT {EvidenceColumns} FROM Evidence WHERE Accepted = @accepted AND Number > @after AND KeptAt >= @from AND KeptAt < @to
                    ORDER BY Number LIMIT {EvidencePage}
                    """,
                    new { accepted, after, from = from.ToUnixTimeMilliseconds(), to = to.ToUnixTimeMilliseconds() },
                    cancellation);
                foreach (EvidenceRow row in page)
                {
                    yield return row.ToRecord();
                    after = row.Number;
                }
            }
            while (page.Count == EvidencePage);
        }
    }

    // What is beyond the limits is a few rows out of many: not looked for at every write.
    private async Task PurgeEvidenceAsync(WriteTransaction writes, KeptEvidence kept, long number)
    {
        long now = writes.Now;
        if (number % Math.Clamp(kept.Most / 4, 1, MostBeyondLimits) == 0 || now >= _nextEvidencePurge)
        {
            await writes.ExecuteAsync("DELETE FROM Evidence WHERE Accepted = @accepted AND Number <= @last", new { accepted = kept.Row.Accepted, last = number - kept.Most });
            await writes.ExecuteAsync("DELETE FROM Evidence WHERE KeptAt < @before", new { before = now - kept.MostMilliseconds });
            _nextEvidencePurge = now + (long)PurgeEvery.TotalMilliseconds;
        }
    }

    // A reason quotes certificates of strangers, and PostgreSQL takes neither U+0000 nor halves of surrogate pairs.
    private static string Storable(string text) => string.Concat(text.EnumerateRunes().Select(rune => rune.Value == 0 ? Rune.ReplacementChar : rune));

    private sealed record KeptEvidence(EvidenceRow Row, long Most, long MostMilliseconds)
    {
        /// <summary>Answer its number.</summary>
        public IEnumerable<Statement> Statements => Row.Accepted == 1 ? [new Statement(DeleteEvidenceOfLease, false, ("OfLease", Row.Lease)), Insert] : [Insert];

        private Statement Insert => new(
            InsertEvidence, true,
            ("OfAccepted", Row.Accepted), ("OfLease", Row.Lease), ("OfInstance", Row.Instance), ("OfTee", Row.Tee), ("OfReason", Row.Reason), ("OfTime", Row.KeptAt), ("OfBody", Row.Body));

        public static KeptEvidence Of(EvidenceRecord evidence, EvidenceLimits limits)
        {
            if (evidence.Body.Length > LargestEvidence || (evidence.Accepted && evidence.Lease.Length == 0))
                throw new ArgumentException("the evidence is longer than 1 MiB, or was accepted without a lease", nameof(evidence));
            EvidenceRow row = new()
            {
                Accepted = evidence.Accepted ? 1 : 0, Lease = evidence.Lease, Instance = evidence.Instance, Tee = evidence.Tee, Reason = Storable(evidence.Reason),
                KeptAt = evidence.At.ToUnixTimeMilliseconds(), Body = [.. evidence.Body],
            };
            return new KeptEvidence(row, evidence.Accepted ? limits.Accepted : limits.Refused, (long)limits.Age.TotalMilliseconds);
        }
    }

    private sealed class EvidenceRow
    {
        public long Accepted { get; set; }

        public long Number { get; set; }

        public string Lease { get; set; } = "";

        public string Instance { get; set; } = "";

        public string Tee { get; set; } = "";

        public string Reason { get; set; } = "";

        public long KeptAt { get; set; }

        public byte[] Body { get; set; } = [];

        public EvidenceRecord ToRecord() => new(Accepted != 0, Lease, Instance, Tee, Reason, Time(KeptAt), Body);
    }
}
