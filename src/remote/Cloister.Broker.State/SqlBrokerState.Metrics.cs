using Cloister.Audit;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    /// <summary>Writes that wait for the database.</summary>
    public int WaitingWrites => _writes.Waiting;

    /// <summary>Tells how long reads (<c>read</c>) and transactions (<c>commit</c>) take.</summary>
    public void Observe(Action<string, TimeSpan> observe)
    {
        _reads.Observed = took => observe("read", took);
        _writes.Observed = took => observe("commit", took);
    }

    /// <summary>What the audit log says of recovery shares and drills, of KEKs and of the authority, the oldest first.</summary>
    /// <param name="fromSeq">The first entry to look at.</param>
    /// <param name="cancellation">Stops looking.</param>
    public async Task<IReadOnlyList<AuditEntry>> ListRecoveryAsync(long fromSeq, CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<AuditRow>(
            $"SELECT {AuditRow.Columns} FROM AuditEntries WHERE Kind IN ({RecoveryActs}) AND Seq >= @fromSeq ORDER BY Seq", new { fromSeq }, cancellation)).Select(row => row.ToEntry())];
}
