using System.Data.Common;
using Cloister.Audit;
using Cloister.Broker.State.Audit;
using Dapper;

namespace Cloister.Broker.State.Sql;

/// <summary>Reads the hashes of the log's entries, pruned or not, and follows the tree over them. secrets: none.</summary>
internal sealed class AuditHashes(DbConnection connection, DbTransaction? transaction)
{
    /// <summary>Entries of a row of AuditPruned.</summary>
    public const int BlockSize = 256;

    /// <summary>Answers the newest entry.</summary>
    public const string SelectNewest = "SELECT Seq, Hash FROM AuditEntries ORDER BY Seq DESC LIMIT 1";

    private const int Page = 10_000;

    /// <summary>
    /// The tree of all entries, which has to go on from what is known of it: the last entry known has to be there as it was. Where nothing is known, from the
    /// newest checkpoint in the database.
    /// </summary>
    /// <param name="known">What is known of it; null: nothing.</param>
    /// <param name="newest">The newest entry, not pruned; null: there is none, or nobody looked.</param>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.AuditConflict"/>: it does not.</exception>
    public async Task<AuditTree> FollowAsync(AuditTree? known, AuditHash? newest)
    {
        if (known is { Size: > 0 } && newest is not null && newest.Seq == known.Size && newest.Hash.AsSpan().SequenceEqual(known.Last))
            return known.Clone();
        AuditTree tree = known?.Clone()
            ?? (await connection.QueryFirstOrDefaultAsync<CheckpointRow>($"SELECT {CheckpointRow.Columns} FROM AuditCheckpoints ORDER BY Size DESC LIMIT 1", transaction: transaction))?.ToTree()
            ?? AuditTree.Empty;
        return await FollowAsync(tree, long.MaxValue);
    }

    /// <summary>Goes on with a tree up to a size, or to the end.</summary>
    public async Task<AuditTree> FollowAsync(AuditTree tree, long size)
    {
        long began = tree.Size, met = tree.Size == 0 ? 0 : -1;
        await foreach ((long seq, byte[] hash) in ReadAsync(Math.Max(tree.Size, 1)))
        {
            if (seq > size)
                break;
            if (seq == began && met < 0)
            {
                if (!hash.AsSpan().SequenceEqual(tree.Last))
                    throw Conflict($"entry {seq}, or one before it, was changed");
                met = seq;
            }
            else if (met < 0 || seq != tree.Size + 1)
            {
                throw Conflict($"entry {(met < 0 ? began : tree.Size + 1)} is missing");
            }
            else
            {
                tree.Append(hash);
            }
        }

        return met >= 0 ? tree : throw Conflict($"it ends before entry {began}, which it had: it went back");
    }

    /// <summary>The hashes of the entries from a number on, in order; gaps are the reader's to see.</summary>
    public async IAsyncEnumerable<(long Seq, byte[] Hash)> ReadAsync(long from)
    {
        long last = (await NewestAsync())?.Seq ?? 0;
        while (true)
        {
            // Both ends: a statement that PostgreSQL planned while the table was small would read all of it for ever.
            List<(long Seq, byte[] Hash)> page = [.. (await connection.QueryAsync<AuditHash>(
                "SELECT Seq, Hash FROM AuditEntries WHERE Seq BETWEEN @from AND @to ORDER BY Seq", new { from, to = from + Page - 1 }, transaction)).Select(row => (row.Seq, row.Hash))];
            bool more = false;
            if (page.Count == 0 || page[0].Seq > from)
            {
                List<(long Seq, byte[] Hash)> pruned = [.. (await PrunedAsync(from)).SelectMany(block => block.Hashes.Chunk(AuditEncoding.HashSize).Select((hash, i) => (block.First + i, hash)))];
                if (pruned.Count > 0)
                    (page, more) = (pruned, true);
            }

            foreach ((long seq, byte[] hash) in page)
            {
                yield return (seq, hash);
                from = seq + 1;
            }

            if (!more && from > last)
                yield break;
            if (page.Count == 0)
                from += Page;
        }
    }

    /// <summary>Some of the pruned entries from a number on.</summary>
    public async Task<IReadOnlyList<PrunedEntries>> PrunedAsync(long from)
    {
        IEnumerable<PrunedRow> rows = await connection.QueryAsync<PrunedRow>(
            $"SELECT First, Hashes FROM AuditPruned WHERE First > @after ORDER BY First LIMIT {Page / BlockSize}", new { after = from - BlockSize }, transaction);
        return [.. rows.Select(row => From(row, from)).Where(block => block.Hashes.Length > 0)];
    }

    /// <summary>The newest entry, not pruned; null: there is none.</summary>
    public Task<AuditHash?> NewestAsync() => connection.QueryFirstOrDefaultAsync<AuditHash>(SelectNewest, transaction: transaction);

    /// <summary>Of a row that <see cref="SelectNewest"/> answers.</summary>
    public static AuditHash HashOf(DbDataReader row) => new() { Seq = row.GetInt64(0), Hash = row.GetFieldValue<byte[]>(1) };

    private static PrunedEntries From(PrunedRow row, long from)
    {
        long skip = Math.Clamp((from - row.First) * AuditEncoding.HashSize, 0, row.Hashes.Length);
        return new PrunedEntries(Math.Max(row.First, from), row.Hashes[(int)skip..]);
    }

    private static BrokerStateException Conflict(string what) => new(
        BrokerStateError.AuditConflict,
        $"the audit log in the database does not go on from what this broker has seen of it: {what}. Nothing is written to it: see docs/audit-log.md, 'When a broker refuses the log'");

    private sealed class PrunedRow
    {
        public long First { get; set; }

        public byte[] Hashes { get; set; } = [];
    }
}

/// <summary>The hash of an entry of the log. secrets: none.</summary>
internal sealed class AuditHash
{
    public long Seq { get; set; }

    public byte[] Hash { get; set; } = [];
}
