using System.Runtime.CompilerServices;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const int AuditPage = 500;

    private readonly Lock _checkpointLock = new();
    private (AuditSigner Sign, int Every)? _checkpoints;
    private long _lastCheckpoint;
    private Task _checkpointing = Task.CompletedTask;

    /// <inheritdoc/>
    public async Task<AuditEntry> AppendAsync(AuditEvent auditEvent, CancellationToken cancellation)
    {
        AuditText text = AuditText.Of(auditEvent);
        AuditEntry entry = await _writes.RunAsync(writes => AppendAsync(writes, text), cancellation);
        StartCheckpoint(entry.Seq);
        return entry;
    }

    /// <inheritdoc/>
    public void SignCheckpoints(AuditSigner signer, int everyEntries)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(everyEntries, 1);
        lock (_checkpointLock)
            _checkpoints = (signer, everyEntries);
    }

    /// <inheritdoc/>
    public Task<AuditCheckpoint?> CheckpointAsync(AuditSigner signer, CancellationToken cancellation) => CheckpointAsync(signer, 1, cancellation);

    /// <inheritdoc/>
    public async IAsyncEnumerable<AuditEntry> ReadAuditAsync(long fromSeq, [EnumeratorCancellation] CancellationToken cancellation)
    {
        IReadOnlyList<AuditRow> page;
        do
        {
            page = await _reads.ListAsync<AuditRow>(
                $"SELECT {AuditRow.Columns} FROM AuditEntries WHERE Seq >= @fromSeq ORDER BY Seq LIMIT {AuditPage}", new { fromSeq }, cancellation);
            foreach (AuditRow row in page)
            {
                yield return row.ToEntry();
                fromSeq = row.Seq + 1;
            }
        }
        while (page.Count == AuditPage);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AuditCheckpoint>> ListCheckpointsAsync(CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<CheckpointRow>($"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints ORDER BY Seq", null, cancellation)).Select(row => row.ToCheckpoint())];

    // A write and what the log says of it, in one transaction: there is neither without the other.
    private async Task<T> WriteAsync<T>(Func<WriteTransaction, Task<T>> work, Func<T, AuditEvent?>? log, CancellationToken cancellation)
    {
        if (log is null)
        {
            T alone = await _writes.RunAsync(work, cancellation);
            await FollowAsync();
            return alone;
        }
        (T result, AuditEntry? entry) = await _writes.RunAsync(
            async writes =>
            {
                T made = await work(writes);
                return (made, log(made) is { } logged ? await AppendAsync(writes, AuditText.Of(logged)) : null);
            },
            cancellation);
        if (entry is not null)
            StartCheckpoint(entry.Seq);
        await FollowAsync();
        return result;
    }

    // What was just changed is kept outside of the database before it is answered. The next read says what is wrong, if anything is.
    private async Task FollowAsync()
    {
        try
        {
            if (_rows is not null)
                await _rows.CurrentAsync(CancellationToken.None);
        }
        catch (BrokerStateException)
        {
            // The change was made.
        }
    }

    private async Task<AuditEntry> AppendAsync(WriteTransaction writes, AuditText text)
    {
        if (text.Request is { } request)
        {
            // Of several who use one, one succeeds; what the others did is rolled back.
            if (!await TakeRequestAsync(writes, request))
                throw new BrokerStateException(BrokerStateError.NotFound, "there is no such request: it was approved, withdrawn, or is older than 24 hours");
            await AppendAsync(writes, text.Approved!);
        }

        (long seq, byte[] previous) = await writes.AuditHeadAsync();
        long now = writes.Now;
        var next = new AuditEntry(seq + 1, now, text.Kind, text.Details, previous, AuditEncoding.Hash(seq + 1, now, text.Kind, text.Details, previous));
        await writes.ExecuteAsync(
            $"INSERT INTO AuditEntries ({AuditRow.Columns}) VALUES (@Seq, @Time, @Kind, @Details, @Previous, @Hash)", next);
        writes.AuditAppended(next);
        return next;
    }

    private async Task<AuditCheckpoint?> CheckpointAsync(AuditSigner signer, int leastEntries, CancellationToken cancellation)
    {
        AuditCheckpoint? checkpoint = await _writes.RunAsync(
            async writes =>
            {
                (long seq, byte[] hash) = await writes.AuditHeadAsync();
                CheckpointRow? last = await writes.FirstOrDefaultAsync<CheckpointRow>($"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints ORDER BY Seq DESC LIMIT 1");
                if (seq - (last?.Seq ?? 0) < leastEntries)
                    return last?.ToCheckpoint();
                long now = writes.Now;
                var made = new AuditCheckpoint(seq, hash, now, signer(AuditEncoding.CheckpointMessage(seq, hash, now)));
                await writes.ExecuteAsync($"INSERT INTO AuditCheckpoints ({CheckpointRow.Columns}) VALUES (@Seq, @Hash, @Time, @Signature)", made);
                return made;
            },
            cancellation);
        if (checkpoint is not null)
            Interlocked.Exchange(ref _lastCheckpoint, checkpoint.Seq);
        return checkpoint;
    }

    private void StartCheckpoint(long seq)
    {
        lock (_checkpointLock)
        {
            if (_checkpoints is { } plan && _checkpointing.IsCompleted && seq - Interlocked.Read(ref _lastCheckpoint) >= plan.Every)
                _checkpointing = SignAsync(plan.Sign, plan.Every);
        }
    }

    private async Task SignAsync(AuditSigner signer, int every)
    {
        try
        {
            await CheckpointAsync(signer, every, CancellationToken.None);
        }
        catch (Exception)
        {
            // The next entry tries again. Entries do not depend on it.
        }
    }

    private Task StopCheckpointsAsync()
    {
        lock (_checkpointLock)
        {
            _checkpoints = null;
            return _checkpointing;
        }
    }
}
