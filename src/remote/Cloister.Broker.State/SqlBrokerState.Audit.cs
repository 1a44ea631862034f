using System.Runtime.CompilerServices;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const int AuditPage = 500;
    private const int PrunedAtOnce = 40;

    // As the index AuditRecoveryActs has it, or it is not used.
    private const string RecoveryActs = "'authority.drill', 'authority.export', 'kek.drill', 'kek.export'";

    private readonly Lock _checkpointLock = new();
    private (AuditSigner Sign, int Every)? _checkpoints;
    private Action<AuditCheckpoint, AuditTree> _signed = (_, _) => { };
    private long _lastCheckpoint;
    private Task _checkpointing = Task.CompletedTask;

    /// <inheritdoc/>
    public AuditHead? Head => _writes.Tree?.Head;

    /// <inheritdoc/>
    public async Task<AuditEntry> AppendAsync(AuditEvent auditEvent, CancellationToken cancellation)
    {
        AuditText text = AuditText.Of(auditEvent);
        AuditEntry entry = await _writes.RunAsync(writes => AppendAsync(writes, text), cancellation);
        StartCheckpoint(entry.Seq);
        return entry;
    }

    /// <inheritdoc/>
    public Task ContinueAsync(AuditTree remembered, CancellationToken cancellation) => _writes.RunAsync(writes => writes.TreeAsync(remembered), cancellation);

    /// <inheritdoc/>
    public Task<AuditTree> AcceptAsync(CancellationToken cancellation) =>
        _writes.RunAsync(
            async writes =>
            {
                // Checkpoints are of what it was.
                await writes.ExecuteAsync("DELETE FROM AuditCheckpoints");
                return (await writes.TreeAsync(AuditTree.Empty)).Clone();
            },
            cancellation);

    /// <inheritdoc/>
    public void SignCheckpoints(AuditSigner signer, int everyEntries, Action<AuditCheckpoint, AuditTree>? signed = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(everyEntries, 1);
        lock (_checkpointLock)
        {
            _checkpoints = (signer, everyEntries);
            _signed = signed ?? _signed;
        }
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
    public async Task<AuditFinding> FindAuditAsync(AuditQuery query, CancellationToken cancellation)
    {
        long before = query.Before ?? 1 + await _reads.FirstOrDefaultAsync<long?>("SELECT MAX(Seq) FROM AuditEntries", null, cancellation) ?? 1;
        long from = Math.Max(before - query.Look, 1);
        IReadOnlyList<AuditRow> rows = await _reads.ListAsync<AuditRow>(
            $"""
            SELECT {AuditRow.Columns} FROM AuditEntries WHERE Seq >= @from AND Seq < @before
            {(query.Kind is null ? "" : "AND Kind = @kind")} {(query.Text is null ? "" : "AND Details LIKE @text ESCAPE '!'")} ORDER BY Seq DESC LIMIT @most
            """,
            new { from, before, kind = query.Kind, text = $"%{Pattern(query.Text)}%", most = query.Most },
            cancellation);
        long seen = rows.Count == query.Most ? rows[^1].Seq : from;
        return new AuditFinding([.. rows.Select(row => row.ToEntry())], seen > 1 ? seen : null);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AuditEntry>> ListRecoveryActsAsync(int most, CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<AuditRow>(
            $"SELECT {AuditRow.Columns} FROM AuditEntries WHERE Kind IN ({RecoveryActs}) ORDER BY Seq DESC LIMIT @most", new { most }, cancellation)).Select(row => row.ToEntry())];

    /// <inheritdoc/>
    public async Task<AuditCheckpoint?> LastCheckpointAsync(CancellationToken cancellation) =>
        (await _reads.FirstOrDefaultAsync<CheckpointRow>($"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints ORDER BY Size DESC LIMIT 1", null, cancellation))?.ToCheckpoint();

    /// <inheritdoc/>
    public async IAsyncEnumerable<AuditLine> ExportAuditAsync(long fromSeq, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (fromSeq > 1)
        {
            AuditTree before = await TreeAtAsync(fromSeq - 1, cancellation);
            yield return new AuditLine(Edge: new AuditEdge(before.Size, before.Edge.Hashes));
            if (before.Size < fromSeq - 1)
                yield break; // there is no such entry
        }

        for (long next = fromSeq; ;)
        {
            IReadOnlyList<AuditLine> page = await PageAsync(next, cancellation);
            foreach (AuditLine line in page)
            {
                yield return line;
                next = (line.Pruned?.Last ?? line.Entry!.Seq) + 1;
            }

            if (page.Count == 0)
                yield break;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<AuditCheckpoint>> ListCheckpointsAsync(CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<CheckpointRow>($"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints ORDER BY Size", null, cancellation)).Select(row => row.ToCheckpoint())];

    /// <inheritdoc/>
    public Task CosignAsync(AuditCheckpoint checkpoint, CancellationToken cancellation) =>
        _writes.RunAsync(
            writes => writes.ExecuteAsync("UPDATE AuditCheckpoints SET Note = @note WHERE Size = @size", new { note = checkpoint.Note.ToString(), size = checkpoint.Size }),
            cancellation);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<byte[]>> ProveAsync(long smaller, long larger, CancellationToken cancellation)
    {
        if (smaller == 0)
            return []; // everything extends nothing
        AuditTree from = await TreeAtAsync(smaller, cancellation);
        List<byte[]> added = await _reads.WithAsync(
            async hashes =>
            {
                List<byte[]> read = [];
                await foreach ((long seq, byte[] hash) in hashes.ReadAsync(smaller + 1))
                {
                    if (seq > larger)
                        break;
                    read.Add(hash);
                }

                return read;
            },
            cancellation);
        return from.Size == smaller && added.Count == larger - smaller
            ? MerkleProof.Consistency(from.Edge, added)
            : throw new BrokerStateException(BrokerStateError.AuditConflict, $"the audit log has not all entries from {smaller} to {larger}");
    }

    /// <inheritdoc/>
    public Task<int> PruneAuditAsync(DateTimeOffset before, Func<long, AuditEvent> log, CancellationToken cancellation) =>
        _writes.RunAsync(
            async writes =>
            {
                writes.Flush();
                long first = await writes.FirstOrDefaultAsync<long?>("SELECT MIN(Seq) FROM AuditEntries") ?? 0;
                long covered = (await writes.FirstOrDefaultAsync<long?>("SELECT MAX(Size) FROM AuditCheckpoints") ?? 0) - 1;
                long kept = await writes.FirstOrDefaultAsync<long?>(
                    "SELECT Seq FROM AuditEntries WHERE LoggedAt >= @before ORDER BY Seq LIMIT 1", new { before = before.ToUnixTimeMilliseconds() }) ?? long.MaxValue;
                long blocks = first == 0 ? 0 : Math.Min((Math.Min(covered, kept - 1) - first + 1) / AuditHashes.BlockSize, PrunedAtOnce);
                for (long block = 0; block < blocks; block++)
                    await PruneAsync(writes, first + (block * AuditHashes.BlockSize));
                long last = first + (blocks * AuditHashes.BlockSize) - 1;
                if (blocks <= 0)
                    return 0;
                await writes.ExecuteAsync("DELETE FROM AuditEntries WHERE Seq <= @last", new { last });
                await writes.ExecuteAsync("DELETE FROM AuditCheckpoints WHERE Size <= @last", new { last });
                await writes.AppendAsync(AuditText.Of(log(last)));
                return checked((int)(last - first + 1));
            },
            cancellation);

    private static async Task PruneAsync(WriteTransaction writes, long first)
    {
        IReadOnlyList<AuditRow> rows = await writes.ListAsync<AuditRow>(
            $"SELECT {AuditRow.Columns} FROM AuditEntries WHERE Seq >= @first ORDER BY Seq LIMIT {AuditHashes.BlockSize}", new { first }, CancellationToken.None);
        if (rows[^1].Seq != first + AuditHashes.BlockSize - 1)
            throw new BrokerStateException(BrokerStateError.AuditConflict, $"the audit log has not all entries from {first} on");
        byte[] hashes = [.. rows.SelectMany(row => row.Hash)];
        await writes.ExecuteAsync("INSERT INTO AuditPruned (First, Hashes) VALUES (@first, @hashes)", new { first, hashes });
    }

    // The tree as it was, from the last checkpoint before.
    private async Task<AuditTree> TreeAtAsync(long size, CancellationToken cancellation)
    {
        CheckpointRow? row = await _reads.FirstOrDefaultAsync<CheckpointRow>(
            $"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints WHERE Size <= @size ORDER BY Size DESC LIMIT 1", new { size }, cancellation);
        return await _reads.WithAsync(hashes => hashes.FollowAsync(row?.ToTree() ?? AuditTree.Empty, size), cancellation);
    }

    private async Task<IReadOnlyList<AuditLine>> PageAsync(long from, CancellationToken cancellation)
    {
        IReadOnlyList<AuditRow> page = await _reads.ListAsync<AuditRow>(
            $"SELECT {AuditRow.Columns} FROM AuditEntries WHERE Seq >= @from ORDER BY Seq LIMIT {AuditPage}", new { from }, cancellation);
        IReadOnlyList<PrunedEntries> pruned = page.Count == 0 || page[0].Seq > from ? await _reads.WithAsync(hashes => hashes.PrunedAsync(from), cancellation) : [];
        return pruned.Count > 0 ? [.. pruned.Select(block => new AuditLine(Pruned: block))] : [.. page.Select(row => new AuditLine(Entry: row.ToEntry()))];
    }

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

    // The number of the last; 0: none was appended.
    private static async Task<long> AppendAsync(WriteTransaction writes, IEnumerable<AuditText> texts)
    {
        long last = 0;
        foreach (AuditText text in texts)
            last = (await writes.AppendAsync(text)).Seq;
        return last;
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

        return await writes.AppendAsync(text);
    }

    private async Task<AuditCheckpoint?> CheckpointAsync(AuditSigner signer, int leastEntries, CancellationToken cancellation)
    {
        (AuditCheckpoint? checkpoint, AuditTree? made) = await _writes.RunAsync<(AuditCheckpoint?, AuditTree?)>(
            async writes =>
            {
                AuditTree tree = await writes.TreeAsync();
                CheckpointRow? last = await writes.FirstOrDefaultAsync<CheckpointRow>($"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints ORDER BY Size DESC LIMIT 1");
                if (tree.Size - (last?.Size ?? 0) < leastEntries)
                    return (last?.ToCheckpoint(), null);
                AuditCheckpoint signed = signer(tree.Head);
                AuditTree covered = tree.Clone();
                await writes.ExecuteAsync(
                    $"INSERT INTO AuditCheckpoints ({CheckpointRow.Columns}) VALUES (@Size, @SignedAt, @Edge, @Last, @Note)", CheckpointRow.Of(signed, covered, writes.Now));
                return (signed, covered);
            },
            cancellation);
        if (checkpoint is not null)
            Interlocked.Exchange(ref _lastCheckpoint, checkpoint.Size);
        if (made is not null)
            _signed(checkpoint!, made);
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
